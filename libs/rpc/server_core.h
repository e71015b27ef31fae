// What the calls of one Server share. For server*.cpp.
#pragma once

#include <atomic>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "google/protobuf/descriptor.h"
#include "libs/admission/delay_watch.h"
#include "libs/admission/load_level.h"
#include "libs/admission/pool_metrics.h"
#include "libs/base/clock.h"
#include "libs/base/random.h"
#include "libs/base/string_map.h"
#include "libs/base/worker_pool.h"
#include "libs/rpc/loop_probe.h"
#include "libs/rpc/server.h"
#include "libs/rpc/service.h"
#include "libs/telemetry/metrics.h"

namespace holdfast::rpc {

struct ServerMetrics {
  explicit ServerMetrics(telemetry::Metrics& metrics);

  telemetry::CounterFamily requests;   // method, caller, code
  telemetry::HistogramFamily seconds;  // method
  telemetry::Histogram loop_seconds;
  telemetry::Gauge in_flight;
  telemetry::Gauge inline_shed_level;
};

// Names of callers as a label: those of the services that our authority knows, and no more than
// so many whatever it does. Thread-safe.
class CallerLabels {
 public:
  std::string_view LabelOf(const std::string& caller);  // itself, or "other"

 private:
  absl::Mutex mutex_;
  StringSet known_ ABSL_GUARDED_BY(mutex_);
};

// One method as it is served.
struct ServedMethod {
  std::string label;  // "holdfast.billing.v1.Billing/GetEntitlement"
  std::string path;   // "/" and the label
  ServiceTable::Method method;
  Criticality criticality;  // unless the caller says otherwise
  std::size_t kind;         // of its jobs: a number of its own
  const google::protobuf::Descriptor* response_type;
  telemetry::Counter answered_ok;  // callers without a name
  telemetry::Histogram seconds;
};

// A stream that is being served, as its thread and the draining server see it.
class RunningStream {
 public:
  virtual ~RunningStream() = default;
  virtual void Serve() = 0;         // runs the handler
  virtual void StopForDrain() = 0;  // makes the handler's next write fail; not after Serve
  virtual void Finish() = 0;        // after Serve; may destroy the object
};

// A thread for each stream, up to a limit. Thread-safe.
class StreamThreads {
 public:
  explicit StreamThreads(std::int64_t limit) : limit_(limit) {}
  ~StreamThreads();  // joins: the streams must be ending

  enum class Started { kYes, kFull, kDraining };
  Started Start(RunningStream& stream);  // Serve and Finish on a new thread

  // Ends all streams and refuses new ones.
  void StopForDrain();

 private:
  struct Entry {
    RunningStream* stream = nullptr;  // null once it has served
    bool ended = false;               // the thread can be joined
    std::thread thread;
  };

  void Run(Entry& entry);
  void JoinEnded() ABSL_LOCKS_EXCLUDED(mutex_);

  const std::int64_t limit_;
  absl::Mutex mutex_;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  std::int64_t running_ ABSL_GUARDED_BY(mutex_) = 0;
  std::list<Entry> entries_ ABSL_GUARDED_BY(mutex_);
};

struct ServerCore {
  ServerCore(const ServerOptions& options, const Clock& clock, Random& random,
             telemetry::Metrics& metrics);

  const ServedMethod* Find(std::string_view path) const;  // "/package.Service/Method"

  const Clock& clock;
  Random& random;
  const bool callers_have_names;  // by their certificates
  const ServerMetrics metrics;
  CallerLabels callers;
  StringMap<std::unique_ptr<ServedMethod>> methods;  // by path; fixed once started
  admission::LoadLevel inline_load;
  admission::DelayWatch inline_delay;
  LoopProbe loop;
  admission::PoolMetrics admission;
  WorkerPool workers;
  StreamThreads streams;
};

}  // namespace holdfast::rpc
