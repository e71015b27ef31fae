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
  // How long the instance wants to be left alone; negative: nobody should try again.
  std::optional<Duration> pushback = std::nullopt;
};

// How long the whole call may take: at most `timeout`, and less than what the caller has left.
// Zero: too late to begin.
Duration CallTime(Duration caller_remaining, Duration timeout);

// After how long a try is given up for another one: `configured`, or twice what 95 % of the tries
// take where that is more. A neighbour that is slow by nature, or a starved machine, is no reason
// to give up answers that are on their way.
Duration FairTryTime(Duration configured, std::optional<Duration> p95);

// What another try could hope for.
struct Others {
  bool possible = true;                  // the rules and the retry budget allow one
  Duration takes = Duration::zero();     // how long it would take, as far as is known
};

// How long one try may take. While another instance could still be tried, a try leaves at least
// half of the time for it. It gets all that is left when there will be no other, or when half of
// the time would not be enough for another either: a slow success beats a fast error.
Duration TryTime(Duration call_remaining, Duration try_timeout, const Others& others);

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
