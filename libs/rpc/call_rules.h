// The arithmetic and the judgements of one call to a neighbour: values in, decision out.
#pragma once

#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "libs/base/clock.h"
#include "libs/base/random.h"
#include "libs/rpc/call.h"
#include "libs/rpc/peer.h"

namespace holdfast::rpc {

// Kept back from the caller's remaining time, so that it can still use the answer; unless the knob
// says otherwise.
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
  // How long the instance wants to be left alone; negative: nobody should try again.
  std::optional<Duration> pushback = std::nullopt;
};

// How long the whole call may take: at most `timeout`, and by `margin` less than what the caller
// has left. Zero: too late to begin.
Duration CallTime(Duration caller_remaining, Duration timeout, Duration margin = kDeadlineMargin);

// After how long another instance is asked beside one that has not answered: `configured`, or twice
// what 95 % of the tries take where that is more, so that a neighbour that is slow by nature is not
// asked everything twice.
Duration FairTryTime(Duration configured, std::optional<Duration> p95);

// After how long a try is overdue and another instance is asked too. While one could still be,
// that leaves at least half of the time for it. The try may take all that is left when there is no
// other, or when half of it is less than what `p95` says that another one would take.
Duration TryTime(Duration call_remaining, Duration try_timeout, std::optional<Duration> p95,
                 bool another_possible);

struct Verdict {
  TryOutcome instance;      // for the instance's breaker and latency
  bool neighbour_answered;  // for the neighbour's breaker: some instance is there and talks
  bool retry;               // another instance may do better, and trying again is harmless
  bool connection_lost;     // do not wait for probes to notice
  Duration leave_alone = Duration::zero();  // the instance asked for it
};

// `idempotent`: the method may run twice. `fair_time`: the try got as much time as the neighbour's
// options grant, so a timeout is its fault and not the caller's.
Verdict Judge(const TryResult& result, bool idempotent, bool fair_time);

// Whether an instance that asked a call of this class to leave it alone is left alone by all. One
// that refuses background or bulk calls has room for others: were it left alone, the next instance
// would get its calls too, refuse in turn, and so on for as long as the load is high.
bool HeedsPushback(Criticality criticality);

// From when on an answer is slow: `factor` times the usual time, and no less than `at_least`. Never
// while nothing is known about the usual time.
Duration SlowFrom(std::optional<Duration> median, double factor, Duration at_least);
TryOutcome WithSpeed(TryOutcome outcome, Duration took, Duration slow_from);

// When to ask a second instance although the first may still answer; nothing: not at all. Waiting
// longer than a try may take would be a retry.
std::optional<Duration> HedgeAfter(std::optional<Duration> p95, Duration at_least,
                                   Duration try_time);

// Before retry number `retry` (1, 2 ...): a random part of `longest`, doubled with each retry, so
// that callers which failed together do not come back together.
Duration RetryPause(int retry, Duration longest, Random& random);

// What may be used up by calls of this criticality: less of what is scarce for those that matter
// less, so that it is there for those that matter more.
std::int64_t BulkheadFor(Criticality criticality, std::int64_t max_in_flight);
double BudgetPartFor(Criticality criticality);
// The same for a retry after `last`. Where one instance is full the others often are too: retries
// for that reason may use two fifths of the part, so that they make no overload larger.
double BudgetPartFor(Criticality criticality, TryOutcome last);

}  // namespace holdfast::rpc
