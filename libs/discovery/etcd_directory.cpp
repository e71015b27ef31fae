#include "libs/discovery/etcd_directory.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "libs/base/check.h"
#include "libs/base/status.h"
#include "libs/discovery/etcd_access.h"
#include "libs/discovery/etcd_client.h"
#include "libs/discovery/etcd_follower.h"
#include "libs/discovery/etcd_registration.h"
#include "libs/discovery/event_loop.h"
#include "libs/discovery/instance_text.h"
#include "libs/discovery/set_board.h"

namespace holdfast::discovery {
namespace {

using namespace std::chrono_literals;

constexpr Duration kTickEvery = 250ms;
constexpr Duration kRevokeTimeout = 400ms;
constexpr Duration kWithdrawTimeout = 500ms;
constexpr std::chrono::seconds kShortestLease{2};  // etcd grants no shorter one

class RegistrationHandle final : public Watch {
 public:
  RegistrationHandle(EventLoop& loop, std::shared_ptr<EtcdRegistration> registration)
      : loop_(loop), registration_(std::move(registration)) {}

  ~RegistrationHandle() override {
    auto withdrawn = std::make_shared<absl::Notification>();
    loop_.Post([registration = std::move(registration_), withdrawn] {
      registration->Withdraw(kRevokeTimeout, [withdrawn] { withdrawn->Notify(); });
    });
    withdrawn->WaitForNotificationWithTimeout(absl::FromChrono(kWithdrawTimeout));
  }

 private:
  EventLoop& loop_;
  std::shared_ptr<EtcdRegistration> registration_;
};

class EtcdDirectory final : public Directory {
 public:
  EtcdDirectory(EtcdAccess access, const Options& options, const Clock& clock, Random& random,
                telemetry::Metrics& metrics)
      : key_prefix_(options.key_prefix),
        lease_ttl_(
            std::max(std::chrono::ceil<std::chrono::seconds>(options.lease_ttl), kShortestLease)),
        registration_metrics_(metrics),
        board_("etcd", options, clock, metrics),
        loop_("discovery-etcd"),
        client_(std::move(access), loop_),
        environment_{client_, loop_, board_, random} {
    Tick();
  }

  // Nothing may run on the loop while the rest dies.
  ~EtcdDirectory() override { loop_.Stop(); }

  std::unique_ptr<Watch> Subscribe(std::string_view service, Callback callback) override {
    SetBoard::Subscription subscription = board_.Subscribe(service, std::move(callback));
    if (subscription.first_of_service) {
      auto follower =
          std::make_shared<EtcdFollower>(environment_, std::string(service), KeyOf(service, ""));
      loop_.Post([this, follower] {
        followers_.push_back(follower);
        follower->Start();
      });
    }
    return std::move(subscription.watch);
  }

  std::unique_ptr<Watch> Register(std::string_view service, const Instance& self) override {
    HOLDFAST_CHECK(IsServiceName(service) && IsId(self.id));
    auto registration =
        std::make_shared<EtcdRegistration>(environment_, registration_metrics_,
                                           RegistrationOrder{.service = std::string(service),
                                                             .self = self,
                                                             .key = KeyOf(service, self.id),
                                                             .ttl = lease_ttl_});
    loop_.Post([this, registration] {
      std::erase_if(registrations_, [](const auto& known) { return known.expired(); });
      registrations_.push_back(registration);
      registration->Start();
    });
    return std::make_unique<RegistrationHandle>(loop_, std::move(registration));
  }

  void Drain() override {
    loop_.Post([this] {
      for (const auto& known : registrations_) {
        if (const auto registration = known.lock()) registration->Announce(State::kDraining);
      }
    });
  }

  std::string Describe() const override { return board_.Describe(); }

 private:
  std::string KeyOf(std::string_view service, std::string_view id) const {
    return fmt::format("{}{}/{}", key_prefix_, service, id);
  }

  void Tick() {
    loop_.PostAfter(kTickEvery, [this] {
      board_.Tick();
      Tick();
    });
  }

  const std::string key_prefix_;
  const std::chrono::seconds lease_ttl_;
  const RegistrationMetrics registration_metrics_;
  SetBoard board_;
  EventLoop loop_;
  EtcdClient client_;
  const EtcdEnvironment environment_;
  std::vector<std::shared_ptr<EtcdFollower>> followers_;        // the loop's
  std::vector<std::weak_ptr<EtcdRegistration>> registrations_;  // the loop's
};

}  // namespace

absl::StatusOr<std::unique_ptr<Directory>> OpenEtcdDirectory(std::string_view spec,
                                                             const Options& options,
                                                             const Clock& clock, Random& random,
                                                             telemetry::Metrics& metrics) {
  HOLDFAST_ASSIGN_OR_RETURN(EtcdAccess access, ParseEtcdSpec(spec, random));
  return std::make_unique<EtcdDirectory>(std::move(access), options, clock, random, metrics);
}

}  // namespace holdfast::discovery
