#include "libs/discovery/etcd_registration.h"

#include <utility>

#include "libs/base/status.h"
#include "libs/discovery/instance_text.h"
#include "libs/telemetry/log.h"

namespace holdfast::discovery {
namespace {

using namespace std::chrono_literals;

constexpr Duration kFirstRetry = 50ms;
constexpr Duration kLongestRetry = 3s;

}  // namespace

RegistrationMetrics::RegistrationMetrics(telemetry::Metrics& metrics)
    : registered(metrics.GaugeFamily("holdfast_discovery_registered",
                                     "1 while this process is registered and found by its id.",
                                     {"service"})),
      registrations(metrics.CounterFamily("holdfast_discovery_registrations_total",
                                          "Times that this process wrote its registration.",
                                          {"service"})),
      lease_losses(metrics.CounterFamily("holdfast_discovery_lease_losses_total",
                                         "Leases that ended while this process lived.",
                                         {"service"})),
      id_conflicts(metrics.CounterFamily("holdfast_discovery_id_conflicts_total",
                                         "Times that another process took our id.", {"service"})) {}

EtcdRegistration::EtcdRegistration(const EtcdEnvironment& environment,
                                   const RegistrationMetrics& metrics, RegistrationOrder order)
    : etcd_(environment),
      order_(std::move(order)),
      registered_(metrics.registered.With({order_.service})),
      registrations_(metrics.registrations.With({order_.service})),
      lease_losses_(metrics.lease_losses.With({order_.service})),
      id_conflicts_(metrics.id_conflicts.With({order_.service})),
      backoff_(kFirstRetry, kLongestRetry, environment.random) {
  Show(false, "not registered yet");
}

template <class Response>
EtcdClient::Done<Response> EtcdRegistration::IfAlive(
    void (EtcdRegistration::*handler)(const absl::StatusOr<Response>&)) {
  return [self = weak_from_this(), handler, round = round_](absl::StatusOr<Response> answer) {
    const auto registration = self.lock();
    if (registration == nullptr || registration->withdrawn_) return;
    if (registration->round_ != round) return;
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
  request.set_value(ToText(order_.self));
  request.set_lease(lease_);
  etcd_.client.Put(member_, request, IfAlive(&EtcdRegistration::OnPut));
}

void EtcdRegistration::OnPut(const absl::StatusOr<etcdserverpb::PutResponse>& put) {
  if (put.status().code() == absl::StatusCode::kNotFound) return LeaseLost();
  if (!put.ok()) return Failed(&EtcdRegistration::Put, put.status());
  backoff_.Reset();
  etcd_.board.BackendUp();
  outdone_ = false;
  registrations_.Add();
  Show(true, fmt::format("registered under lease {:x}{}", lease_,
                         order_.self.state == State::kDraining ? ", draining" : ""));
  telemetry::Log(telemetry::Info, "registered", {{"key", order_.key}});
  Later(RenewalInterval(), &EtcdRegistration::Renew);
}

void EtcdRegistration::Renew() {
  etcd_.client.KeepAlive(member_, lease_, RenewalInterval(), IfAlive(&EtcdRegistration::OnRenewed));
}

void EtcdRegistration::OnRenewed(
    const absl::StatusOr<etcdserverpb::LeaseKeepAliveResponse>& renewed) {
  if (!renewed.ok()) return Failed(&EtcdRegistration::Renew, renewed.status());
  backoff_.Reset();
  etcd_.board.BackendUp();
  if (renewed->ttl() > 0) return LookAtKey();
  LeaseLost();
}

// While we live: we or etcd were away for longer than it lasts.
void EtcdRegistration::LeaseLost() {
  lease_losses_.Add();
  Show(false, "lease lost, registering again");
  telemetry::Log(telemetry::Warning, "lease lost, registering again", {{"key", order_.key}});
  Later(kFirstRetry, &EtcdRegistration::Grant);
}

void EtcdRegistration::LookAtKey() {
  etcd_.client.Get(member_, order_.key, IfAlive(&EtcdRegistration::OnKey));
}

void EtcdRegistration::OnKey(const absl::StatusOr<etcdserverpb::RangeResponse>& found) {
  if (!found.ok()) return Failed(&EtcdRegistration::Renew, found.status());
  if (found->kvs().empty()) return Put();
  const bool outdone = found->kvs(0).lease() != lease_;
  if (outdone && !std::exchange(outdone_, true)) {
    id_conflicts_.Add();
    Show(false, "another process registered our id and is seen");
    telemetry::Log(telemetry::Error, "another process registered our id", {{"key", order_.key}});
  }
  Later(RenewalInterval(), &EtcdRegistration::Renew);
}

void EtcdRegistration::Announce(State state) {
  if (withdrawn_ || order_.self.state == state) return;
  order_.self.state = state;
  // Without a lease, or with the id in another's hands, the next registration says it.
  if (lease_ == 0 || outdone_) return;
  ++round_;
  Put();
}

void EtcdRegistration::Show(bool registered, std::string line) {
  registered_.Set(registered ? 1 : 0);
  etcd_.board.ShowRegistration(order_.key, std::move(line));
}

void EtcdRegistration::Withdraw(Duration timeout, std::function<void()> done) {
  withdrawn_ = true;
  Show(false, "");
  if (lease_ == 0) return done();
  etcd_.client.RevokeLease(member_, lease_, timeout,
                           [done = std::move(done)](const auto&) { done(); });
}

void EtcdRegistration::Later(Duration wait, Step step) {
  etcd_.loop.PostAfter(wait, [self = weak_from_this(), step, round = round_] {
    const auto registration = self.lock();
    if (registration == nullptr || registration->withdrawn_) return;
    if (registration->round_ == round) (registration.get()->*step)();
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
