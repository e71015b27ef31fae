// Stops calls to a dependency that keeps failing, and lets a few through to notice recovery.
//
//              failures in a row, or too large a share of the
//              window's calls failed or were slow, or condemned
//     CLOSED ----------------------------------------> OPEN <------+
//       ^                                               |          |
//       |                 open_for passes, or LookAgain |          | a probe fails or is slow
//       |   probes_to_close succeed                     v          |
//       +------------------------------------------ HALF_OPEN -----+
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "libs/base/clock.h"
#include "libs/rpc/sliding_window.h"

namespace holdfast::rpc {

// A call asks for a Permit and reports its outcome on it. A Permit dropped without a report (the
// caller gave up) proves nothing about the dependency and is counted as neither. A Permit that is
// neither reported nor dropped within permit_lease no longer holds its place: HALF_OPEN cannot
// stick.
//
// Thread-safe. Owns no thread and never sleeps: time is read from the Clock, so a test can live
// through a one-hour outage in a microsecond. Must outlive its permits.
class CircuitBreaker {
 public:
  enum class State { kClosed, kHalfOpen, kOpen };

  struct Options {
    int failures_to_open = 5;    // in a row; 0: a row of failures does not matter
    double failure_ratio = 0.5;  // of the window's calls; 0: does not matter
    double slow_ratio = 0.8;     // of the window's calls; 0: does not matter
    int min_calls = 20;          // in the window, before a ratio says anything
    Duration window = std::chrono::seconds(10);
    int probes_to_close = 2;  // also how many probes may be in flight together
    Duration open_for = std::chrono::seconds(2);
    // Each failed return doubles open_for up to this; zero: it does not grow.
    Duration open_for_max = Duration::zero();
    Duration permit_lease = std::chrono::seconds(30);  // longer than any call
  };

  struct Change {
    State next;
    std::string_view why;  // from a small fixed set, fit for a label: "failures in a row" ...
    Duration refuses_for;  // of OPEN
  };
  // Told of every change of state, in order, with the breaker locked: must be quick and must not
  // call back.
  using Listener = std::function<void(const Change&)>;

  class [[nodiscard]] Permit {
   public:
    Permit(Permit&& other) noexcept;
    Permit& operator=(Permit&& other) noexcept;
    ~Permit();

    void Succeeded();
    void SucceededSlowly();  // what is slow is for the caller to say
    // Slowly, and somebody who sees more than this breaker does has had enough: it opens for "slow
    // in a row" if it is closed.
    void SlowOnceTooOften();
    void Failed();

   private:
    friend class CircuitBreaker;
    Permit(CircuitBreaker& breaker, int generation, int probe)
        : breaker_(&breaker), generation_(generation), probe_(probe) {}

    CircuitBreaker* breaker_;  // null once reported or moved from
    int generation_;           // an outcome from before a state change is stale and ignored
    int probe_;                // which one, while half-open
  };

  // What the window holds.
  struct Counts {
    std::int64_t calls = 0;
    std::int64_t failed = 0;
    std::int64_t slow = 0;

    Counts& operator+=(const Counts& other);
  };

  CircuitBreaker(const Options& options, const Clock& clock, Listener listener = nullptr);

  // A permit if the call may start now, nothing if it has to fail fast.
  std::optional<Permit> TryAcquire();

  // Somebody has seen the dependency alive: do not wait for the rest of open_for.
  void LookAgain();

  // Changes nothing about the present state; the next event is judged by these.
  void SetOptions(const Options& options);

  State state() const;
  // How long OPEN will still refuse; zero in the other states.
  Duration refuses_for() const;
  Duration in_state_for() const;
  std::string_view why() const;  // the state was entered; "" for the first one
  Counts counts() const;

 private:
  enum class Outcome { kSucceeded, kSlow, kSlowTooOften, kFailed, kUnknown };

  // A probe that holds its place.
  struct Probe {
    int number;
    SteadyTime started_at;
  };

  void Report(int generation, int probe, Outcome outcome);
  void ReportClosed(Outcome outcome) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ReportHalfOpen(int number, Outcome outcome) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Enter(State next, std::string_view why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Duration NextOpenFor() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::optional<Permit> AcquireProbe() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Clock& clock_;
  const Listener listener_;

  mutable absl::Mutex mutex_;
  Options options_ ABSL_GUARDED_BY(mutex_);
  State state_ ABSL_GUARDED_BY(mutex_) = State::kClosed;
  std::string_view why_ ABSL_GUARDED_BY(mutex_);
  int generation_ ABSL_GUARDED_BY(mutex_) = 0;
  SlidingWindow<Counts> window_ ABSL_GUARDED_BY(mutex_);  // while closed
  int failures_ ABSL_GUARDED_BY(mutex_) = 0;              // in a row, while closed
  int successes_ ABSL_GUARDED_BY(mutex_) = 0;             // probes that came back, while half-open
  int next_probe_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<Probe> probes_ ABSL_GUARDED_BY(mutex_);  // in flight, while half-open
  SteadyTime entered_at_ ABSL_GUARDED_BY(mutex_);      // when the state began
  Duration open_for_ ABSL_GUARDED_BY(mutex_) = {};     // of the last OPEN
};

std::string_view Name(CircuitBreaker::State state);  // "closed", "half-open", "open"

}  // namespace holdfast::rpc
