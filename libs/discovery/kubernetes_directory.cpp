#include "libs/discovery/kubernetes_directory.h"

#include <poll.h>
#include <pthread.h>

#include <algorithm>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "libs/base/status.h"
#include "libs/discovery/kubernetes_follower.h"
#include "libs/discovery/set_board.h"
#include "libs/discovery/wake_fd.h"

namespace holdfast::discovery {
namespace {

class KubernetesDirectory final : public Directory {
 public:
  KubernetesDirectory(KubernetesAccess access, const Options& options, const Clock& clock,
                      Random& random, telemetry::Metrics& metrics)
      : access_(std::move(access)),
        board_("kubernetes", options, clock, metrics),
        environment_{access_, board_, random,
                     std::max(std::chrono::ceil<std::chrono::seconds>(options.kubernetes_watch),
                              std::chrono::seconds(1))} {
    thread_ = std::thread([this] { Run(); });
    pthread_setname_np(thread_.native_handle(), "discovery-k8s");
  }

  ~KubernetesDirectory() override {
    {
      absl::MutexLock lock(&mutex_);
      stopping_ = true;
    }
    wake_.Wake();
    thread_.join();
  }

  std::unique_ptr<Watch> Subscribe(std::string_view service, Callback callback) override {
    SetBoard::Subscription subscription = board_.Subscribe(service, std::move(callback));
    if (subscription.first_of_service) {
      {
        absl::MutexLock lock(&mutex_);
        new_names_.emplace_back(service);
      }
      wake_.Wake();
    }
    return std::move(subscription.watch);
  }

  std::unique_ptr<Watch> Register(std::string_view, const Instance&) override { return nullptr; }
  std::string Describe() const override { return board_.Describe(); }

 private:
  void Run() {
    while (true) {
      {
        absl::MutexLock lock(&mutex_);
        if (stopping_) break;
        for (std::string& name : std::exchange(new_names_, {})) {
          followers_.push_back(std::make_unique<KubernetesFollower>(environment_, std::move(name)));
        }
      }
      const SteadyTime now = SystemClock::Get().SteadyNow();
      for (const auto& follower : followers_) follower->Work(now);
      board_.Tick();
      Wait();
    }
    followers_.clear();
  }

  void Wait() {
    SteadyTime next = board_.next_tick();
    std::vector<pollfd> polled{{.fd = wake_.fd(), .events = POLLIN, .revents = 0}};
    for (const auto& follower : followers_) {
      next = std::min(next, follower->due());
      if (follower->fd() < 0) continue;
      polled.push_back({.fd = follower->fd(), .events = follower->events(), .revents = 0});
    }
    const SteadyTime now = SystemClock::Get().SteadyNow();
    const Duration wait = std::max(next, now) - now;  // a follower's first due() is min()
    const auto wait_ms = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
    ::poll(polled.data(), polled.size(), static_cast<int>(std::max<std::int64_t>(wait_ms, 0)));
    wake_.Clear();
  }

  const KubernetesAccess access_;
  SetBoard board_;
  const KubernetesEnvironment environment_;
  WakeFd wake_;
  std::vector<std::unique_ptr<KubernetesFollower>> followers_;  // the thread's

  absl::Mutex mutex_;
  std::vector<std::string> new_names_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Directory>> OpenKubernetesDirectory(std::string_view spec,
                                                                   const Options& options,
                                                                   const Clock& clock,
                                                                   Random& random,
                                                                   telemetry::Metrics& metrics) {
  HOLDFAST_ASSIGN_OR_RETURN(KubernetesAccess access, ParseKubernetesSpec(spec));
  return std::make_unique<KubernetesDirectory>(std::move(access), options, clock, random, metrics);
}

}  // namespace holdfast::discovery
