// The tries of one call to a neighbour: how long each may take, and whether there may be one more.
#pragma once

#include <optional>
#include <span>

#include "absl/container/inlined_vector.h"
#include "libs/base/deadline.h"
#include "libs/rpc/call_rules.h"
#include "libs/rpc/circuit_breaker.h"

namespace holdfast::rpc {

// Arithmetic of one call; whoever owns it chooses the instances and talks to them. Not thread-safe.
class Tries {
 public:
  struct Options {
    Duration timeout = {};        // of the whole call, as the neighbour's options grant it
    Duration try_timeout = {};    // of one try, until another is made beside it
    std::optional<Duration> p95;  // what tries usually take at most
    bool idempotent = false;      // the method may run twice
    std::size_t max_tries = kMaxTries;
    Duration margin = kDeadlineMargin;  // with less time left nothing is begun
  };

  struct Allowance {
    Duration time;           // all that is left
    Duration overdue_after;  // then another instance is asked too; `time`: none will be
    bool fair;               // that is as much as the options grant: silence is its fault
  };

  Tries() = default;
  // `deadline`: when nobody waits for the answer any more. `instances`: how many there are.
  Tries(const Options& options, Deadline deadline, std::size_t instances)
      : options_(options), deadline_(deadline), instances_(instances) {}

  // The indexes that were tried, in order.
  std::span<const std::size_t> tried() const { return tried_; }

  Allowance Begin(std::size_t index, const Clock& clock) {
    return Begin(index, deadline_.Remaining(clock));
  }
  Allowance Begin(std::size_t index, Duration left);

  // Tries and time are left for another one. Whether there is somebody to ask and the budget allows
  // it, the owner asks next.
  bool MayTryAgain(const Verdict& verdict, const Clock& clock) const;

  // What the last try of a call means for the breaker of the whole neighbour.
  static void Report(const Verdict& last, CircuitBreaker::Permit& permit);

 private:
  Options options_;
  Deadline deadline_ = Deadline::Never();
  std::size_t instances_ = 0;
  absl::InlinedVector<std::size_t, kMaxTries> tried_;
};

}  // namespace holdfast::rpc
