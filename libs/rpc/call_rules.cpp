#include "libs/rpc/call_rules.h"

#include <algorithm>
#include <cmath>

namespace holdfast::rpc {

namespace {

// An instance that asks for more is asked again anyway, by a few.
constexpr Duration kLongestPushback = std::chrono::seconds(10);

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

Verdict JudgeStatus(const TryResult& result, bool idempotent, bool fair_time) {
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

}  // namespace

Duration CallTime(Duration caller_remaining, Duration timeout, Duration margin) {
  return std::max<Duration>(std::min(caller_remaining - margin, timeout), Duration::zero());
}

Duration FairTryTime(Duration configured, std::optional<Duration> p95) {
  return p95 ? std::max(configured, 2 * *p95) : configured;
}

Duration TryTime(Duration call_remaining, Duration try_timeout, std::optional<Duration> p95,
                 bool another_possible) {
  const Duration half = call_remaining / 2;
  if (!another_possible || (p95 && *p95 > half)) return call_remaining;
  return std::min(half, FairTryTime(try_timeout, p95));
}

Verdict Judge(const TryResult& result, bool idempotent, bool fair_time) {
  Verdict verdict = JudgeStatus(result, idempotent, fair_time);
  if (result.status.ok() || !result.pushback) return verdict;
  verdict.retry = verdict.retry && *result.pushback >= Duration::zero();
  verdict.leave_alone = std::clamp<Duration>(*result.pushback, Duration::zero(), kLongestPushback);
  return verdict;
}

bool HeedsPushback(Criticality criticality) { return criticality <= Criticality::kInteractive; }

Duration SlowFrom(std::optional<Duration> median, double factor, Duration at_least) {
  if (!median) return Duration::max();
  const auto usual = std::chrono::duration_cast<Duration>(
      std::chrono::duration<double, Duration::period>(*median) * factor);
  return std::max(usual, at_least);
}

TryOutcome WithSpeed(TryOutcome outcome, Duration took, Duration slow_from) {
  return outcome == TryOutcome::kAnswered && took >= slow_from ? TryOutcome::kSlow : outcome;
}

std::optional<Duration> HedgeAfter(std::optional<Duration> p95, Duration at_least,
                                   Duration try_time) {
  if (!p95) return std::nullopt;
  const Duration wait = std::max(*p95, at_least);
  if (wait >= try_time) return std::nullopt;
  return wait;
}

Duration RetryPause(int retry, Duration longest, Random& random) {
  const auto bound =
      static_cast<std::uint64_t>((longest * (std::int64_t{1} << (retry - 1))).count());
  return Duration(random.Below(bound + 1));
}

std::int64_t BulkheadFor(Criticality criticality, std::int64_t max_in_flight) {
  static constexpr double kParts[] = {1.0, 0.9, 0.75, 0.5};
  const double part = kParts[static_cast<std::size_t>(criticality)];
  return static_cast<std::int64_t>(std::ceil(part * static_cast<double>(max_in_flight)));
}

double BudgetPartFor(Criticality criticality) {
  static constexpr double kParts[] = {1.0, 1.0, 0.5, 0.25};
  return kParts[static_cast<std::size_t>(criticality)];
}

double BudgetPartFor(Criticality criticality, TryOutcome last) {
  constexpr double kAfterFull = 0.4;
  return BudgetPartFor(criticality) * (last == TryOutcome::kFull ? kAfterFull : 1.0);
}

}  // namespace holdfast::rpc
