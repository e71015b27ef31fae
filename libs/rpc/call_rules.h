// The arithmetic and the judgements of one call to a neighbour: values in, decision out.
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "libs/base/clock.h"
#include "libs/rpc/peer.h"

namespace holdfast::rpc {

// Kept back from the caller's remaining time, so that it can still use the answer.
inline constexpr Duration kDeadlineMargin = std::chrono::milliseconds(2);
inline constexpr int kMaxTries = 3;

// Who produced the status of a try.
enum class Origin {
  kHandler,    // the method ran and answered
  kDeclined,   // the instance refused before the method ran: nothing happened there
  kTransport,  // nobody answered: connection, deadline, broken bytes
};

struct TryResult {
  absl::Status status;
  Origin origin = Origin::kTransport;
};

// How long the whole call may take: at most `timeout`, and less than what the caller has left.
// Zero: too late to begin.
Duration CallTime(Duration caller_remaining, Duration timeout);

// How long one try may take. While another instance could still be tried, a try leaves at least
// half of the time for it; the last one gets all that is left, because a slow success beats a
// fast error.
Duration TryTime(Duration call_remaining, Duration try_timeout, bool another_possible);

struct Verdict {
  TryOutcome instance;      // for the instance's breaker and latency
  bool neighbour_answered;  // for the neighbour's breaker: some instance is there and talks
  bool retry;               // another instance may do better, and trying again is harmless
  bool connection_lost;     // do not wait for probes to notice
};

// `idempotent`: the method may run twice. `fair_time`: the try got as much time as the neighbour's
// options grant, so a timeout is its fault and not the caller's.
Verdict Judge(const TryResult& result, bool idempotent, bool fair_time);

}  // namespace holdfast::rpc
