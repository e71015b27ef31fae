// One instance of a neighbour as this process sees it: is it alive, does it answer, how fast.
//
//   health (probes, connection)                 breaker (outcome of calls)
//     UNPROVEN --1 good probe--> UP               CLOSED / OPEN / HALF_OPEN, see circuit_breaker.h;
//     UP --2 failed probes, NOT_SERVING,          it closes again by a canary: a copy of a read
//          or connection lost--> DOWN             that another instance answers for real
//     DOWN --2 good probes--> UP
//
// An instance is usable when it is UP and not ejected by its breaker. Being unusable only moves it
// to the end of the line: see PickInstance, which also bounds how many may be ejected.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/synchronization/mutex.h"
#include "libs/base/clock.h"
#include "libs/discovery/directory.h"
#include "libs/rpc/circuit_breaker.h"
#include "libs/rpc/slow_row.h"

namespace holdfast::rpc {

// What one try says about the instance.
enum class TryOutcome {
  kAnswered,   // it works, whatever the answer was
  kSlow,       // it works, but much slower than the neighbour usually is
  kFailed,     // the instance or the way to it is at fault
  kFull,       // it works, but had no room: others first for a moment
  kOvertaken,  // a copy sent later was answered sooner: slow this time, not more
  kUnknown,    // nothing: the caller's own time was too short to tell
};

// Thread-safe. Owns no thread, contains no gRPC: whoever has evidence reports it here. Must outlive
// its attempts.
class Peer {
 public:
  enum class Health { kUnproven, kUp, kDown };

  struct Options {
    int probes_to_fail = 2;
    int probes_to_admit = 2;
    CircuitBreaker::Options breaker = {.failures_to_open = 3,
                                       .failure_ratio = 0.5,
                                       .slow_ratio = 0.5,
                                       .min_calls = 10,
                                       .probes_to_close = 1,
                                       .open_for = std::chrono::seconds(1),
                                       .open_for_max = std::chrono::seconds(8)};
    Duration slow_row =
        std::chrono::milliseconds(500);  // how long one lasts at least; 0: none does
    // Where no reads are called, nothing can be copied: after this a real call is the canary.
    Duration canary_patience = std::chrono::seconds(5);
    Duration latency_memory = std::chrono::seconds(1);         // after this a peak weighs a third
    Duration failure_latency = std::chrono::milliseconds(20);  // what a failure counts as, at least
    // A returned instance gets a growing share for so long, beginning with a tenth.
    Duration slow_start = std::chrono::seconds(10);
  };

  using Listener = std::function<void(const Peer&, std::string_view what, std::string_view why)>;

  // A try that is under way. Dropped without Finish it counts as kUnknown.
  class [[nodiscard]] Attempt {
   public:
    Attempt(Attempt&& other) noexcept;
    Attempt& operator=(Attempt&&) = delete;
    ~Attempt();

    void Finish(TryOutcome outcome);
    // The same for a stream: its time says nothing about the speed of the instance.
    void FinishUntimed(TryOutcome outcome);

    Duration age() const;

   private:
    friend class Peer;
    Attempt(Peer& peer, std::optional<CircuitBreaker::Permit> permit, SteadyTime start);
    void End(TryOutcome outcome, bool timed);

    Peer* peer_;  // null once finished or moved from
    std::optional<CircuitBreaker::Permit> permit_;
    SteadyTime start_;
  };

  // `tally`: what all instances of the neighbour share, must outlive this; null: this one is not
  // compared with others.
  Peer(discovery::Instance instance, const Options& options, const Clock& clock,
       Listener listener = nullptr, SlowTally* tally = nullptr);

  // As it was first announced; its weight and state may have changed since.
  const discovery::Instance& instance() const { return instance_; }
  // The registry's present word on the same process: its weight, and whether it drains.
  void Announced(const discovery::Instance& instance);
  void SetOptions(const Options& options);

  // Evidence of probes and of the connection. True: it has just become UP.
  bool ProbeSucceeded();
  void ProbeFailed(std::string_view why);
  void SaidNotServing();
  void ConnectionLost(std::string_view why);

  Attempt Begin() { return Begin(clock_.SteadyNow()); }
  Attempt Begin(SteadyTime now);         // never refused: the choice was made before
  std::optional<Attempt> BeginCanary();  // only when the breaker waits for one

  // It asked not to be called for so long; others first.
  void AskedToWait(Duration wait);

  // These take no lock.
  int given_weight() const { return weight_.load(std::memory_order_relaxed); }
  // The registry says that it takes no new calls. No word on its health, which it tells by itself.
  bool draining() const { return draining_.load(std::memory_order_relaxed); }
  Health health() const { return health_.load(std::memory_order_relaxed); }
  bool ejected() const;  // its breaker keeps it out
  bool usable() const { return health() == Health::kUp && !ejected(); }
  bool connected() const { return connected_.load(std::memory_order_relaxed); }
  bool wants_to_wait() const;
  SteadyTime ejected_at() const { return ejected_at_.load(std::memory_order_relaxed); }

  CircuitBreaker::State breaker_state() const { return breaker_.state(); }

  // Latency x (calls under way + 1): lower is better. Calls under way count less on a heavier one.
  // Peaks count at once and are forgotten slowly; a failure counts as a slow answer, so that
  // failing fast does not look attractive.
  double Load() const;
  // Share of the calls it should get, 100 for a usual one: its weight, less while it starts slowly.
  double Weight() const;
  int outstanding() const;
  Duration latency() const;

  std::string Describe() const;  // one line: "billing-a 127.0.0.1:50051 zone=a up closed 1.2ms ..."

 private:
  void BreakerChanged(const CircuitBreaker::Change& change);
  void SetHealth(Health next, std::string_view why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Returned() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  double LatencySeconds() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return LatencySeconds(clock_.SteadyNow());
  }
  double LatencySeconds(SteadyTime now) const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  void Observe(double seconds, SteadyTime now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // True: it was slow once too often.
  bool End(TryOutcome outcome, SteadyTime start, bool timed, bool compared);
  bool SlowOnceTooOften(bool slow, SteadyTime start) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  double StaticWeight() const;

  const discovery::Instance instance_;
  std::atomic<int> weight_;
  std::atomic<bool> draining_;
  const Clock& clock_;
  const Listener listener_;
  SlowTally* const tally_;  // may be null
  CircuitBreaker breaker_;

  // Written with mutex_ held, or (the ejection) with the breaker locked.
  std::atomic<Health> health_ = Health::kUnproven;
  std::atomic<bool> connected_ = false;
  std::atomic<SteadyTime> ejected_at_ = SteadyTime::max();   // max: the breaker is closed
  std::atomic<SteadyTime> doubt_ends_ = SteadyTime::min();   // then a real call is the canary
  std::atomic<SteadyTime> wait_until_ = SteadyTime::min();   // as it asked
  std::atomic<SteadyTime> returned_at_ = SteadyTime::min();  // min: no slow start

  mutable absl::Mutex mutex_;
  Options options_ ABSL_GUARDED_BY(mutex_);
  int good_probes_ ABSL_GUARDED_BY(mutex_) = 0;    // in a row, while not UP
  int failed_probes_ ABSL_GUARDED_BY(mutex_) = 0;  // in a row, while UP
  int outstanding_ ABSL_GUARDED_BY(mutex_) = 0;
  SlowRow slow_row_ ABSL_GUARDED_BY(mutex_);
  bool answered_once_ ABSL_GUARDED_BY(mutex_) = false;
  double latency_seconds_ ABSL_GUARDED_BY(mutex_) = 0;  // as of latency_at_
  SteadyTime latency_at_ ABSL_GUARDED_BY(mutex_);
  std::string last_trouble_ ABSL_GUARDED_BY(mutex_);
  SteadyTime trouble_at_ ABSL_GUARDED_BY(mutex_) = SteadyTime::min();
};

std::string_view Name(Peer::Health health);  // "unproven", "up", "down"

}  // namespace holdfast::rpc
