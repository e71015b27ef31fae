// Keeps one instance findable: a key under a lease that is renewed three times in its life.
//
//   GRANT --lease--> PUT --written--> KEPT --(every ttl/3) renew, look at the key--+
//     ^                                 |                                          |
//     |   lease is gone                 |<-----------------------------------------+
//     +---------------------------------+      key is gone: PUT again
//
// A failed step is tried again on the next member after a jittered wait. An answer of etcd that
// comes late counts for nothing: only one step is under way, and Announce begins the next.
//
// Two processes with one id: whoever wrote last is seen. The other keeps its lease, looks, says so
// in log and metrics, and writes again when the key is gone.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "libs/discovery/etcd_follower.h"

namespace holdfast::discovery {

struct RegistrationMetrics {
  explicit RegistrationMetrics(telemetry::Metrics& metrics);

  telemetry::GaugeFamily registered;       // service
  telemetry::CounterFamily registrations;  // service
  telemetry::CounterFamily lease_losses;   // service
  telemetry::CounterFamily id_conflicts;   // service
};

struct RegistrationOrder {
  std::string service;
  Instance self;
  std::string key;
  std::chrono::seconds ttl;
};

// Everything runs on the loop's thread; see EtcdFollower.
class EtcdRegistration : public std::enable_shared_from_this<EtcdRegistration> {
 public:
  EtcdRegistration(const EtcdEnvironment& environment, const RegistrationMetrics& metrics,
                   RegistrationOrder order);

  void Start() { Grant(); }

  // Lets others see it in this state, now and whenever it registers again.
  void Announce(State state);

  // Gives the lease back; `done` runs once, when etcd has answered or did not within `timeout`.
  void Withdraw(Duration timeout, std::function<void()> done);

 private:
  using Step = void (EtcdRegistration::*)();

  void Grant();
  void Put();
  void Renew();
  void LookAtKey();
  void LeaseLost();
  void Later(Duration wait, Step step);
  void Show(bool registered, std::string line);
  void Failed(Step step, const absl::Status& why);
  Duration RenewalInterval() const;

  // Wraps an answer's handler: not run when this died or was withdrawn.
  template <class Response>
  EtcdClient::Done<Response> IfAlive(
      void (EtcdRegistration::*handler)(const absl::StatusOr<Response>&));
  void OnGranted(const absl::StatusOr<etcdserverpb::LeaseGrantResponse>& granted);
  void OnPut(const absl::StatusOr<etcdserverpb::PutResponse>& put);
  void OnRenewed(const absl::StatusOr<etcdserverpb::LeaseKeepAliveResponse>& renewed);
  void OnKey(const absl::StatusOr<etcdserverpb::RangeResponse>& found);

  EtcdEnvironment etcd_;
  RegistrationOrder order_;
  const telemetry::Gauge registered_;
  const telemetry::Counter registrations_;
  const telemetry::Counter lease_losses_;
  const telemetry::Counter id_conflicts_;
  Backoff backoff_;
  std::size_t member_ = 0;
  std::uint64_t round_ = 0;  // answers and waits from before the last Announce are stale
  std::int64_t lease_ = 0;   // 0: none
  bool withdrawn_ = false;
  bool outdone_ = false;  // another process holds our id
};

}  // namespace holdfast::discovery
