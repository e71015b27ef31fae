#include "tests/load/known_boxes.h"

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "holdfast/middleware/v1/middleware.pb.h"
#include "libs/base/random.h"
#include "libs/base/status.h"
#include "libs/rpc/channel.h"
#include "tests/load/start_sequence.h"

namespace holdfast::load {
namespace {

using namespace std::chrono_literals;
namespace v1 = middleware::v1;

constexpr char kMethod[] = "holdfast.middleware.v1.Middleware/PutDevice";
constexpr int kAtATime = 8;
constexpr auto kPatience = 10s;
constexpr int kRounds = 5;

class Registrar {
 public:
  Registrar(rpc::Channel& channel, Random& random) : channel_(channel), random_(random) {}

  // Starts one more when there is room for it.
  void Put(const std::string& mac, const std::string& account, int round = 0) {
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &Registrar::HasRoom));
      ++under_way_;
    }
    auto exchange = std::make_shared<std::pair<v1::PutDeviceRequest, v1::Device>>();
    exchange->first.set_mac(mac);
    exchange->first.set_account_id(account);
    channel_.Start(rpc::Call::Background(kPatience, SystemClock::Get(), random_), kMethod,
                   exchange->first, exchange->second, {},
                   [this, exchange, mac, round](const absl::Status& status) {
                     absl::MutexLock lock(&mutex_);
                     --under_way_;
                     if (!status.ok()) failed_.push_back({mac, status, round});
                   });
  }

  absl::Status Finish(const std::string& account) {
    while (true) {
      std::vector<Failed> again;
      {
        absl::MutexLock lock(&mutex_);
        mutex_.Await(absl::Condition(this, &Registrar::IsIdle));
        again.swap(failed_);
      }
      if (again.empty()) return absl::OkStatus();
      for (const Failed& failed : again) {
        if (failed.round + 1 >= kRounds) return Annotate(failed.status, failed.mac);
        Put(failed.mac, account, failed.round + 1);
      }
    }
  }

 private:
  struct Failed {
    std::string mac;
    absl::Status status;
    int round = 0;
  };
  bool HasRoom() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return under_way_ < kAtATime; }
  bool IsIdle() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return under_way_ == 0; }

  rpc::Channel& channel_;
  Random& random_;
  absl::Mutex mutex_;
  int under_way_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<Failed> failed_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::Status Register(const KnownBoxes& boxes) {
  SeededRandom random(SecureSeed());
  telemetry::Metrics metrics;
  HOLDFAST_ASSIGN_OR_RETURN(
      const std::unique_ptr<discovery::Directory> directory,
      discovery::OpenDirectory({.spec = "etcd:" + boxes.etcd_url, .snapshot_dir = ""},
                               SystemClock::Get(), random, metrics));
  rpc::Channel channel(
      "middleware", {.timeout = kPatience},
      rpc::ChannelEnvironment{*directory, SystemClock::Get(), random, metrics,
                              security::TlsFilesIn(boxes.tls_dir, "operator"), "a"});
  // Discovery answers when it can.
  const Deadline deadline = Deadline::After(kPatience);
  while (!channel.has_healthy_instance()) {
    if (deadline.Passed()) return Unavailable("no middleware found at {}", boxes.etcd_url);
    absl::SleepFor(absl::Milliseconds(10));
  }
  Registrar registrar(channel, random);
  for (std::size_t i = 0; i < boxes.count; ++i) {
    registrar.Put(MacOf(boxes.first + i), boxes.account_id);
  }
  return registrar.Finish(boxes.account_id);
}

}  // namespace holdfast::load
