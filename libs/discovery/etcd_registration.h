// Keeps one instance findable: a key under a lease that is renewed three times in its life.
//
//   GRANT --lease--> PUT --written--> KEPT --(every ttl/3) renew, look at the key--+
//     ^                                 |                                          |
//     |   lease is gone                 |<-----------------------------------------+
//     +---------------------------------+      key is gone: PUT again
//
// A failed step is tried again on the next member after a jittered wait.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "libs/discovery/etcd_follower.h"

namespace holdfast::discovery {

struct RegistrationOrder {
  std::string key;
  std::string value;
  std::chrono::seconds ttl;
};

// Everything runs on the loop's thread; see EtcdFollower.
class EtcdRegistration : public std::enable_shared_from_this<EtcdRegistration> {
 public:
  EtcdRegistration(const EtcdEnvironment& environment, RegistrationOrder order);

  void Start() { Grant(); }

  // Gives the lease back; `done` runs once, when etcd has answered or did not within `timeout`.
  void Withdraw(Duration timeout, std::function<void()> done);

 private:
  using Step = void (EtcdRegistration::*)();

  void Grant();
  void Put();
  void Renew();
  void LookAtKey();
  void Later(Duration wait, Step step);
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
  const RegistrationOrder order_;
  Backoff backoff_;
  std::size_t member_ = 0;
  std::int64_t lease_ = 0;  // 0: none
  bool withdrawn_ = false;
  bool outdone_ = false;  // another process holds our id
};

}  // namespace holdfast::discovery
