#include "libs/discovery/etcd_registration.h"

#include <utility>

#include "libs/base/status.h"
#include "libs/telemetry/log.h"

namespace holdfast::discovery {
namespace {

using namespace std::chrono_literals;

constexpr Duration kFirstRetry = 50ms;
constexpr Duration kLongestRetry = 1s;

}  // namespace

EtcdRegistration::EtcdRegistration(const EtcdEnvironment& environment, RegistrationOrder order)
    : etcd_(environment),
      order_(std::move(order)),
      backoff_(kFirstRetry, kLongestRetry, environment.random) {}

template <class Response>
EtcdClient::Done<Response> EtcdRegistration::IfAlive(
    void (EtcdRegistration::*handler)(const absl::StatusOr<Response>&)) {
  return [self = weak_from_this(), handler](absl::StatusOr<Response> answer) {
    const auto registration = self.lock();
    if (registration == nullptr || registration->withdrawn_) return;
    (registration.get()->*handler)(answer);
  };
}

void EtcdRegistration::Grant() {
  lease_ = 0;
  etcd_.client.GrantLease(member_, order_.ttl, IfAlive(&EtcdRegistration::OnGranted));
}

void EtcdRegistration::OnGranted(const absl::StatusOr<etcdserverpb::LeaseGrantResponse>& granted) {
  if (!granted.ok()) return Failed(&EtcdRegistration::Grant, granted.status());
  if (!granted->error().empty()) {
    return Failed(&EtcdRegistration::Grant, Unavailable("{}", granted->error()));
  }
  lease_ = granted->id();
  Put();
}

void EtcdRegistration::Put() {
  etcdserverpb::PutRequest request;
  request.set_key(order_.key);
  request.set_value(order_.value);
  request.set_lease(lease_);
  etcd_.client.Put(member_, request, IfAlive(&EtcdRegistration::OnPut));
}

void EtcdRegistration::OnPut(const absl::StatusOr<etcdserverpb::PutResponse>& put) {
  // NOT_FOUND: the lease ended meanwhile.
  if (put.status().code() == absl::StatusCode::kNotFound)
    return Later(kFirstRetry, &EtcdRegistration::Grant);
  if (!put.ok()) return Failed(&EtcdRegistration::Put, put.status());
  backoff_.Reset();
  etcd_.board.BackendUp();
  telemetry::Log(telemetry::Info, "registered", {{"key", order_.key}});
  Later(RenewalInterval(), &EtcdRegistration::Renew);
}

void EtcdRegistration::Renew() {
  etcd_.client.KeepAlive(member_, lease_, IfAlive(&EtcdRegistration::OnRenewed));
}

void EtcdRegistration::OnRenewed(
    const absl::StatusOr<etcdserverpb::LeaseKeepAliveResponse>& renewed) {
  if (!renewed.ok()) return Failed(&EtcdRegistration::Renew, renewed.status());
  backoff_.Reset();
  etcd_.board.BackendUp();
  if (renewed->ttl() > 0) return LookAtKey();
  telemetry::Log(telemetry::Warning, "lease lost, registering again", {{"key", order_.key}});
  Grant();
}

void EtcdRegistration::LookAtKey() {
  etcd_.client.Get(member_, order_.key, IfAlive(&EtcdRegistration::OnKey));
}

void EtcdRegistration::OnKey(const absl::StatusOr<etcdserverpb::RangeResponse>& found) {
  if (!found.ok()) return Failed(&EtcdRegistration::Renew, found.status());
  if (found->kvs().empty()) return Put();
  const bool outdone = found->kvs(0).lease() != lease_;
  if (outdone && !std::exchange(outdone_, outdone)) {
    telemetry::Log(telemetry::Error, "another process registered our id", {{"key", order_.key}});
  }
  outdone_ = outdone;
  Later(RenewalInterval(), &EtcdRegistration::Renew);
}

void EtcdRegistration::Withdraw(Duration timeout, std::function<void()> done) {
  withdrawn_ = true;
  if (lease_ == 0) return done();
  etcd_.client.RevokeLease(member_, lease_, timeout,
                           [done = std::move(done)](const auto&) { done(); });
}

void EtcdRegistration::Later(Duration wait, Step step) {
  etcd_.loop.PostAfter(wait, [self = weak_from_this(), step] {
    const auto registration = self.lock();
    if (registration != nullptr && !registration->withdrawn_) (registration.get()->*step)();
  });
}

void EtcdRegistration::Failed(Step step, const absl::Status& why) {
  const std::string reason = fmt::format("{} {}", etcd_.client.endpoint(member_), ToString(why));
  etcd_.board.BackendDown(reason);
  if (telemetry::ShouldLog("discovery register " + order_.key)) {
    telemetry::Log(telemetry::Warning, "registration delayed",
                   {{"key", order_.key}, {"reason", reason}});
  }
  ++member_;
  Later(backoff_.Next(), step);
}

Duration EtcdRegistration::RenewalInterval() const {
  return std::chrono::duration_cast<Duration>(order_.ttl) / 3;
}

}  // namespace holdfast::discovery
