#include "services/cdn_routing/edge_prober.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "libs/base/check.h"
#include "libs/base/string_map.h"
#include "services/cdn_routing/domain/probe_url.h"
#include "services/cdn_routing/host_addresses.h"
#include "services/cdn_routing/probe_connection.h"

namespace holdfast::cdn_routing {
namespace {

constexpr Duration kLongestWait = std::chrono::seconds(1);
constexpr Duration kLookAgain = std::chrono::milliseconds(10);  // for a name being resolved

struct Target {
  EdgeId id;
  ProbeUrl url;
};

// The rhythm of one edge.
struct Slot {
  Target target;
  SteadyTime next_at;                      // of the next probe
  SteadyTime started_at;                   // of the one under way
  std::optional<ProbeConnection> probe{};  // under way
};

int ToPollTimeout(Duration wait) {
  const auto ms =
      std::chrono::ceil<std::chrono::milliseconds>(std::min(wait, kLongestWait)).count();
  return static_cast<int>(std::max<std::int64_t>(ms, 0));
}

}  // namespace

struct EdgeProber::Impl {
  Impl(const Options& o, Random& r, Report report_to)
      : options(o),
        random(r),
        report(std::move(report_to)),
        wake_fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    HOLDFAST_CHECK(wake_fd >= 0);
    thread = std::thread([this] { Run(); });
    pthread_setname_np(thread.native_handle(), "edge-prober");
  }

  ~Impl() {
    {
      absl::MutexLock lock(&mutex);
      stopping = true;
    }
    Wake();
    thread.join();
    ::close(wake_fd);
  }

  void Wake() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(wake_fd, &one, sizeof one);
  }

  void Run() {
    while (TakeOrders()) {
      StartDueProbes();
      WaitAndAdvance();
      EndLateProbes();
    }
  }

  // False: to stop.
  bool TakeOrders() {
    std::optional<std::vector<Target>> targets;
    {
      absl::MutexLock lock(&mutex);
      if (stopping) return false;
      targets = std::exchange(ordered, std::nullopt);
    }
    if (targets) Adopt(*std::move(targets));
    return true;
  }

  void Adopt(std::vector<Target> targets) {
    OrderedStringMap<Slot> next;
    for (Target& target : targets) {
      const std::string id = target.id.value();
      const auto known = slots.find(id);
      const bool stays = known != slots.end() && known->second.target.url == target.url;
      next.emplace(id, stays ? std::move(known->second) : Slot{.target = std::move(target)});
    }
    slots = std::move(next);
  }

  void StartDueProbes() {
    const SteadyTime now = SystemClock::Get().SteadyNow();
    for (auto& [id, slot] : slots) {
      if (slot.probe || slot.next_at > now) continue;
      const ProbeUrl& url = slot.target.url;
      std::optional<std::vector<SocketAddress>> known = addresses.Of(url.host, url.port);
      if (!known) {
        slot.next_at = now + kLookAgain;
        continue;
      }
      slot.started_at = now;
      slot.next_at = now + std::chrono::duration_cast<Duration>(options.interval *
                                                                (0.9 + 0.2 * random.Uniform()));
      slot.probe.emplace(*std::move(known),
                         ProbeRequest{.path = url.path, .host_header = url.host_header});
    }
  }

  void WaitAndAdvance() {
    const SteadyTime now = SystemClock::Get().SteadyNow();
    Duration wait = kLongestWait;
    std::vector<pollfd> polled{{.fd = wake_fd, .events = POLLIN}};
    std::vector<Slot*> owners{nullptr};
    for (auto& [id, slot] : slots) {
      const SteadyTime due = slot.probe ? slot.started_at + options.timeout : slot.next_at;
      wait = std::min(wait, due - now);
      if (!slot.probe) continue;
      // Without a socket (no address known) it waits for its time to be over.
      polled.push_back({.fd = slot.probe->fd(), .events = slot.probe->events()});
      owners.push_back(&slot);
    }
    ::poll(polled.data(), polled.size(), ToPollTimeout(wait));
    std::uint64_t ignored = 0;
    [[maybe_unused]] const ssize_t read = ::read(wake_fd, &ignored, sizeof ignored);
    for (std::size_t i = 1; i < polled.size(); ++i) {
      if (polled[i].revents == 0) continue;
      const std::optional<bool> good = owners[i]->probe->Advance();
      if (good) End(*owners[i], *good);
    }
  }

  void EndLateProbes() {
    const SteadyTime now = SystemClock::Get().SteadyNow();
    for (auto& [id, slot] : slots) {
      if (slot.probe && now - slot.started_at >= options.timeout) End(slot, false);
    }
  }

  void End(Slot& slot, bool good) {
    slot.probe.reset();
    report(slot.target.id, {.ok = good, .took = SystemClock::Get().SteadyNow() - slot.started_at});
  }

  const Options options;
  Random& random;
  const Report report;
  const int wake_fd;
  HostAddresses addresses;
  OrderedStringMap<Slot> slots;  // the thread's

  absl::Mutex mutex;
  std::optional<std::vector<Target>> ordered ABSL_GUARDED_BY(mutex);  // not adopted yet
  bool stopping ABSL_GUARDED_BY(mutex) = false;
  std::thread thread;
};

EdgeProber::EdgeProber(const Options& options, Random& random, Report report)
    : impl_(std::make_unique<Impl>(options, random, std::move(report))) {}

EdgeProber::~EdgeProber() = default;

void EdgeProber::SetTargets(const std::vector<PlacedEdge>& edges) {
  std::vector<Target> targets;
  for (const PlacedEdge& edge : edges) {
    absl::StatusOr<ProbeUrl> url = ParseProbeUrl(edge.probe_url);
    HOLDFAST_CHECK(url.ok());  // an inventory holds only edges that passed Check
    targets.push_back({edge.id, *std::move(url)});
  }
  {
    absl::MutexLock lock(&impl_->mutex);
    impl_->ordered = std::move(targets);
  }
  impl_->Wake();
}

}  // namespace holdfast::cdn_routing
