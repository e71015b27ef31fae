// Faults made on purpose, to see that calls survive them: latency, errors, hangs, broken streams.
// They happen in the caller, where the wire would make them, so that everything above the wire
// (judgement, retry, breakers, fallbacks) is what is tried out.
//
// Off unless a knob of the program enables it. Every fault names its neighbour, ends by itself, and
// all together never touch more than a bounded share of the calls to one neighbour: see Limits.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "libs/base/clock.h"
#include "libs/base/random.h"
#include "libs/base/string_map.h"
#include "libs/rpc/call.h"
#include "libs/rpc/sliding_window.h"
#include "libs/telemetry/metrics.h"

namespace holdfast::rpc {

struct Fault {
  enum class Kind {
    kLatency,   // the request leaves later
    kError,     // an answer with this code, as if the handler had given it
    kHang,      // no answer: the try runs into its deadline
    kTruncate,  // the stream breaks after some messages
  };

  std::string neighbour;  // "billing"
  std::string instance;   // "" any
  std::string method;     // "holdfast.billing.v1.Billing/GetEntitlement", "" any
  Kind kind = Kind::kError;
  double percent = 0;  // of the tries that it fits
  Duration lasts = {};
  Duration latency = {};                                   // of kLatency
  absl::StatusCode code = absl::StatusCode::kUnavailable;  // of kError
  std::int64_t after_messages = 0;                         // of kTruncate
  bool critical_too = false;  // else calls of the highest criticality are spared
};

// "neighbour=billing kind=latency latency=80ms percent=20 for=5m method=... instance=...
// critical=yes"; kind=error code=UNAVAILABLE; kind=hang; kind=truncate after=3. INVALID_ARGUMENT
// names the word at fault. Words are separated by spaces, '&' or line ends.
absl::StatusOr<Fault> ParseFault(std::string_view text);
std::string Name(Fault::Kind kind);  // "latency", "error", "hang", "truncate"

// Thread-safe. Owns no thread; time is read from the Clock. Asking costs one atomic read while no
// fault is set.
class FaultPlan {
 public:
  struct Limits {
    double max_percent = 50;                   // of the tries to one neighbour, over ten seconds
    Duration longest = std::chrono::hours(1);  // of one fault
    std::size_t max_faults = 20;               // at a time
  };

  FaultPlan(bool enabled, const Limits& limits, const Clock& clock, Random& random,
            telemetry::Metrics& metrics);

  // FAILED_PRECONDITION when not enabled; INVALID_ARGUMENT beyond the limits, with the field named.
  // Answers the number by which Remove knows it.
  absl::StatusOr<int> Add(const Fault& fault);
  absl::Status Remove(int number);  // NOT_FOUND
  void Clear();

  // One try, or one opening of a stream. Streams break (truncate) or fail (error), calls do the
  // rest.
  struct Target {
    std::string_view neighbour;
    std::string_view instance;
    std::string_view method;
    Criticality criticality = Criticality::kInteractive;
    bool stream = false;
  };
  // Whether something is to happen to it, counted if so. Asked once for each.
  std::optional<Fault> Strike(const Target& target);

  // Ends those whose time is over, which Strike does as well: to be asked now and then, so that the
  // end is logged and shown although nobody calls.
  void EndDue();

  std::string Describe() const;

 private:
  struct Planned {
    int number;
    Fault fault;
    SteadyTime ends_at;
    std::int64_t struck = 0;
  };
  struct Counts {
    std::int64_t tries = 0;
    std::int64_t struck = 0;

    Counts& operator+=(const Counts& other) {
      tries += other.tries;
      struck += other.struck;
      return *this;
    }
  };

  void DropEnded(SteadyTime now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool WithinBlastRadius(const SlidingWindow<Counts>& window, SteadyTime now) const;
  void ShowActive() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const bool enabled_;
  const Limits limits_;
  const Clock& clock_;
  Random& random_;
  const telemetry::CounterFamily struck_;  // neighbour, kind
  const telemetry::CounterFamily spared_;  // neighbour
  const telemetry::Gauge active_gauge_;
  std::atomic<bool> active_ = false;

  mutable absl::Mutex mutex_;
  int next_number_ ABSL_GUARDED_BY(mutex_) = 1;
  std::vector<Planned> planned_ ABSL_GUARDED_BY(mutex_);
  StringMap<SlidingWindow<Counts>> tries_ ABSL_GUARDED_BY(mutex_);  // by neighbour
};

}  // namespace holdfast::rpc
