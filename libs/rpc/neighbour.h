// What this process knows about one neighbour: its instances, its methods, its breaker and budgets.
// For channel*.cpp.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "libs/base/string_map.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/circuit_breaker.h"
#include "libs/rpc/connection.h"
#include "libs/rpc/peer.h"
#include "libs/rpc/pick_instance.h"
#include "libs/rpc/retry_budget.h"

namespace holdfast::rpc {

struct ClientMetrics {
  explicit ClientMetrics(telemetry::Metrics& metrics);

  telemetry::CounterFamily requests;   // service, method, code
  telemetry::HistogramFamily seconds;  // service, method
  telemetry::CounterFamily retries;    // service
  telemetry::GaugeFamily breaker;      // service
  telemetry::GaugeFamily instances;    // service, state
};

// One method as it is called.
struct CalledMethod {
  std::string label;  // "holdfast.billing.v1.Billing/GetEntitlement"
  std::string path;   // the same with a leading slash
  const google::protobuf::MethodDescriptor* descriptor;
  bool idempotent;  // may run twice
  bool read_only;   // may run as often as we like: copies of it are canaries
  telemetry::Counter answered_ok;
  telemetry::Histogram seconds;
};

// One instance: what we think of it, and the wire to it.
struct Instance {
  Instance(const discovery::Instance& instance, const Peer::Options& options, const Clock& clock,
           Peer::Listener listener, const security::PemMaterial& material,
           const std::string& tls_name)
      : peer(instance, options, clock, std::move(listener)),
        connection(instance.address, material, tls_name) {}

  Peer peer;
  Connection connection;
  std::atomic<bool> probe_under_way = false;
  std::atomic<SteadyTime> next_probe = SteadyTime::min();
};

// All instances at one moment. Immutable; calls keep the one they began with.
struct InstanceList {
  std::vector<std::shared_ptr<Instance>> instances;
  std::vector<Peer*> peers;  // of the same, for PickInstance
};

// Thread-safe. Owns one thread, which probes and watches connections.
class Neighbour : public std::enable_shared_from_this<Neighbour> {
 public:
  Neighbour(std::string service, const PeerOptions& options, const ChannelEnvironment& environment);
  ~Neighbour();

  void Start();
  // No new calls; returns when the running ones have ended (by their deadlines).
  void Stop();

  const CalledMethod& Method(std::string_view method);
  std::shared_ptr<const InstanceList> instances() const;
  std::optional<std::size_t> Pick(const InstanceList& list, std::span<const std::size_t> tried);
  Headers HeadersFor(const Call& call);

  // A place among max_in_flight, to be left when the call is over.
  absl::Status Enter();
  void Leave();
  // The same for what no caller waits for: probes and canaries. False: stopping.
  bool EnterUnasked();
  void LeaveUnasked();

  // Why calls have to fail at once, with the last failure of a whole call.
  absl::Status RefusedByBreaker() const;
  void RememberFailure(const absl::Status& status);

  void Count(const CalledMethod& method, const absl::Status& status, SteadyTime start);
  bool has_healthy_instance() const;
  bool canary_wanted() const { return canary_wanted_.load(std::memory_order_relaxed); }
  std::string Describe() const;

  const std::string service;
  const PeerOptions options;
  const Clock& clock;
  Random& random;
  const std::string own_zone;
  const ClientMetrics metrics;
  const telemetry::Counter retries;
  CircuitBreaker breaker;
  RetryBudget budget;

 private:
  void Update(const discovery::InstanceSet& set);
  std::shared_ptr<Instance> Connect(const discovery::Instance& instance);
  void Run();
  void Probe(const std::shared_ptr<Instance>& instance);
  void ProbeAnswered(Instance& instance, Connection::Health health, std::string_view why);
  Duration StartDueProbes();  // how long until the next one
  void ShowInstances();
  bool Idle() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return in_flight_ + unasked_ == 0; }

  discovery::Directory& directory_;
  security::PemMaterial material_;
  absl::Status tls_status_;  // why material_ could not be read
  const telemetry::Gauge breaker_gauge_;
  std::unique_ptr<ConnectionEvents> events_;
  std::unique_ptr<discovery::Watch> watch_;
  std::thread thread_;
  std::atomic<bool> canary_wanted_ = false;  // as of the last look

  mutable absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::int64_t in_flight_ ABSL_GUARDED_BY(mutex_) = 0;
  std::int64_t unasked_ ABSL_GUARDED_BY(mutex_) = 0;
  std::shared_ptr<const InstanceList> list_ ABSL_GUARDED_BY(mutex_);
  absl::Status last_failure_ ABSL_GUARDED_BY(mutex_);

  mutable absl::Mutex methods_mutex_;
  StringMap<std::unique_ptr<CalledMethod>> methods_ ABSL_GUARDED_BY(methods_mutex_);
};

}  // namespace holdfast::rpc
