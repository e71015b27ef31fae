#include "libs/rpc/call_rules.h"

#include <algorithm>

namespace holdfast::rpc {

namespace {

// Codes by which an instance says "not me, not now" rather than "not this".
bool BlamesTheInstance(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kCancelled:
      return true;
    default:
      return false;
  }
}

}  // namespace

Duration CallTime(Duration caller_remaining, Duration timeout) {
  return std::max<Duration>(std::min(caller_remaining - kDeadlineMargin, timeout),
                            Duration::zero());
}

Duration TryTime(Duration call_remaining, Duration try_timeout, bool another_possible) {
  if (!another_possible) return call_remaining;
  return std::min(call_remaining / 2, try_timeout);
}

Verdict Judge(const TryResult& result, bool idempotent, bool fair_time) {
  const absl::StatusCode code = result.status.code();
  if (result.origin == Origin::kDeclined) {
    const bool full = code == absl::StatusCode::kResourceExhausted;
    return {.instance = full ? TryOutcome::kFull : TryOutcome::kUnknown,
            .neighbour_answered = true,
            .retry = code != absl::StatusCode::kDeadlineExceeded &&
                     code != absl::StatusCode::kUnimplemented,
            .connection_lost = false};
  }
  if (!BlamesTheInstance(code)) {
    const bool full = code == absl::StatusCode::kResourceExhausted;
    return {.instance = full ? TryOutcome::kFull : TryOutcome::kAnswered,
            .neighbour_answered = true,
            .retry = full && idempotent,
            .connection_lost = false};
  }
  const bool transport = result.origin == Origin::kTransport;
  const bool timed_out = code == absl::StatusCode::kDeadlineExceeded;
  const bool our_bug =
      !transport && (code == absl::StatusCode::kInternal || code == absl::StatusCode::kUnknown);
  const bool blameless = timed_out && !fair_time;
  return {.instance = blameless ? TryOutcome::kUnknown : TryOutcome::kFailed,
          .neighbour_answered = !transport,
          .retry = idempotent && !our_bug,
          .connection_lost = transport && code == absl::StatusCode::kUnavailable};
}

}  // namespace holdfast::rpc
