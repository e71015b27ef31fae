#include "libs/discovery/etcd_directory.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_split.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "libs/base/check.h"
#include "libs/base/status.h"
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

absl::StatusOr<std::vector<std::string>> ParseUrls(std::string_view urls) {
  constexpr std::string_view kScheme = "http://";
  std::vector<std::string> endpoints;
  const absl::string_view all(urls.data(), urls.size());
  for (const absl::string_view part : absl::StrSplit(all, ',', absl::SkipEmpty())) {
    std::string_view url = View(part);
    if (url.ends_with('/')) url.remove_suffix(1);
    if (!url.starts_with(kScheme) || !IsAddress(url.substr(kScheme.size()))) {
      return InvalidArgument("etcd: '{}' is not http://host:port", url);
    }
    endpoints.emplace_back(url.substr(kScheme.size()));
  }
  if (endpoints.empty()) return InvalidArgument("etcd: no http://host:port given");
  return endpoints;
}

// Each process begins with another member, so that a fleet spreads over the cluster.
std::vector<std::string> Shuffled(std::vector<std::string> endpoints, Random& random) {
  std::rotate(endpoints.begin(),
              endpoints.begin() + static_cast<std::ptrdiff_t>(random.Below(endpoints.size())),
              endpoints.end());
  return endpoints;
}

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
  EtcdDirectory(const std::vector<std::string>& endpoints, const Options& options,
                const Clock& clock, Random& random, telemetry::Metrics& metrics)
      : key_prefix_(options.key_prefix),
        lease_ttl_(
            std::max(std::chrono::ceil<std::chrono::seconds>(options.lease_ttl), kShortestLease)),
        board_("etcd", options, clock, metrics),
        loop_("discovery-etcd"),
        client_(endpoints, loop_),
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
    auto registration = std::make_shared<EtcdRegistration>(
        environment_,
        RegistrationOrder{
            .key = KeyOf(service, self.id), .value = ToText(self), .ttl = lease_ttl_});
    loop_.Post([registration] { registration->Start(); });
    return std::make_unique<RegistrationHandle>(loop_, std::move(registration));
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
  SetBoard board_;
  EventLoop loop_;
  EtcdClient client_;
  const EtcdEnvironment environment_;
  std::vector<std::shared_ptr<EtcdFollower>> followers_;  // the loop's
};

}  // namespace

absl::StatusOr<std::unique_ptr<Directory>> OpenEtcdDirectory(std::string_view urls,
                                                             const Options& options,
                                                             const Clock& clock, Random& random,
                                                             telemetry::Metrics& metrics) {
  HOLDFAST_ASSIGN_OR_RETURN(std::vector<std::string> endpoints, ParseUrls(urls));
  return std::make_unique<EtcdDirectory>(Shuffled(std::move(endpoints), random), options, clock,
                                         random, metrics);
}

}  // namespace holdfast::discovery
