// What this process knows about one neighbour: its instances, its methods, its breaker and budgets.
// For channel*.cpp.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "libs/base/string_map.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/circuit_breaker.h"
#include "libs/rpc/client_metrics.h"
#include "libs/rpc/connection.h"
#include "libs/rpc/latency_window.h"
#include "libs/rpc/peer.h"
#include "libs/rpc/peer_options.h"
#include "libs/rpc/pick_instance.h"
#include "libs/rpc/probe_plan.h"
#include "libs/rpc/reminders.h"
#include "libs/rpc/retry_budget.h"
#include "libs/rpc/slow_row.h"
#include "libs/rpc/under_way.h"

namespace holdfast::rpc {

// One method as it is called.
struct CalledMethod {
  std::string label;  // "holdfast.billing.v1.Billing/GetEntitlement"
  std::string path;   // the same with a leading slash
  const google::protobuf::MethodDescriptor* descriptor;
  bool idempotent;       // may run twice
  bool read_only;        // may run as often as we like: copies of it are canaries
  bool hedged;           // and is worth a second request when the first is slow
  Criticality declared;  // of a call that says nothing of itself
  telemetry::Counter answered_ok;
  telemetry::Histogram seconds;
  std::unique_ptr<LatencyWindow> usual;  // of tries that were answered
};

// One instance: what we think of it, and the wire to it.
struct Instance {
  Instance(const discovery::Instance& instance, const Peer::Options& options, const Clock& clock,
           Peer::Listener listener, SlowTally* tally, const security::PemMaterial& material,
           const std::string& tls_name, std::shared_ptr<UnderWay> under_way,
           const InstanceMetrics& instance_metrics)
      : peer(instance, options, clock, std::move(listener), tally),
        connection(instance.address, material, tls_name, std::move(under_way)),
        metrics(instance_metrics),
        probes(clock) {}

  Peer peer;
  Connection connection;
  const InstanceMetrics metrics;
  ProbePlan probes;
};

// All instances and knobs at one moment. Immutable; calls keep the one they began with.
struct InstanceList {
  std::vector<std::shared_ptr<Instance>> instances;
  std::vector<Peer*> peers;  // of the same, for PickInstance
  PeerOptions options;
};

// Thread-safe. Owns one thread, which probes and watches connections.
class Neighbour : public std::enable_shared_from_this<Neighbour> {
 public:
  Neighbour(std::string service, const PeerOptions& options, const ChannelEnvironment& environment);
  ~Neighbour();

  void Start();
  // No new calls; returns when the running ones have ended (by their deadlines) and gRPC holds
  // nothing of ours any more.
  void Stop();

  const CalledMethod& Method(std::string_view method);
  std::shared_ptr<const InstanceList> instances() const;
  std::optional<std::size_t> Pick(const InstanceList& list, std::span<const std::size_t> tried);
  Headers HeadersFor(const Call& call, const CalledMethod& method);

  // A place among max_in_flight, to be left when the call or stream is over, and what is known at
  // its start.
  absl::StatusOr<std::shared_ptr<const InstanceList>> Enter(Criticality criticality);
  void Leave();

  // Why calls have to fail at once, with the last failure of a whole call.
  absl::Status RefusedByBreaker() const;
  void RememberFailure(const absl::Status& status);
  void CountRefused(std::string_view reason) const;

  void Count(const CalledMethod& method, const absl::Status& status, SteadyTime start) const;
  bool has_healthy_instance() const;
  bool canary_wanted() const { return canary_wanted_.load(std::memory_order_relaxed); }

  std::string Describe() const;
  std::string ShowOptions() const { return Show(instances()->options); }
  absl::Status ChangeOptions(const std::vector<std::string>& assignments);

  const std::string service;
  const Clock& clock;
  Random& random;
  FaultPlan* const faults;  // null: none are made here
  const std::string own_zone;
  const ClientMetrics metrics;
  const telemetry::Counter retries;
  const telemetry::Counter hedges_sent;
  const telemetry::Counter hedges_won;
  const std::shared_ptr<UnderWay> under_way;
  CircuitBreaker breaker;
  RetryBudget budget;
  RetryBudget hedge_budget;
  SlowTally tries_answered;  // by all instances
  Reminders reminders;

 private:
  void Update(const discovery::InstanceSet& set);
  std::shared_ptr<Instance> Connect(const discovery::Instance& instance, const PeerOptions& options)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(changes_mutex_);
  void InstanceChanged(const Peer& peer, std::string_view what, std::string_view why) const;
  void Replace(std::shared_ptr<const InstanceList> list);
  void Run();
  void Probe(const std::shared_ptr<Instance>& instance, const PeerOptions& options);
  void ProbeEnded(Instance& instance, Connection::Health health, std::string_view why);
  Duration StartDueProbes();  // how long until the next one
  void ShowState();
  void DropTheGone();
  std::string DescribeMethods() const;

  discovery::Directory& directory_;
  security::PemMaterial material_;
  absl::Status tls_status_;  // why material_ could not be read
  const telemetry::Gauge breaker_gauge_;
  const telemetry::Gauge in_flight_gauge_;
  std::unique_ptr<ConnectionEvents> events_;
  std::unique_ptr<discovery::Watch> watch_;
  std::thread thread_;
  std::atomic<bool> canary_wanted_ = false;  // as of the last look
  std::atomic<std::int64_t> in_flight_ = 0;  // grows under mutex_ only
  SteadyTime shown_at_ = SteadyTime::min();  // the thread's: the last look

  absl::Mutex changes_mutex_;  // one new list at a time
  InstanceLabels instance_labels_ ABSL_GUARDED_BY(changes_mutex_);

  mutable absl::Mutex mutex_ ABSL_ACQUIRED_AFTER(changes_mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::shared_ptr<const InstanceList> list_ ABSL_GUARDED_BY(mutex_);
  // No longer listed, kept until nobody else holds them: see UnderWay.
  std::vector<std::shared_ptr<Instance>> leaving_ ABSL_GUARDED_BY(mutex_);
  absl::Status last_failure_ ABSL_GUARDED_BY(mutex_);

  mutable absl::Mutex methods_mutex_;
  StringMap<std::unique_ptr<CalledMethod>> methods_ ABSL_GUARDED_BY(methods_mutex_);
};

}  // namespace holdfast::rpc
