#include "libs/discovery/set_board.h"

#include <algorithm>
#include <utility>

#include "libs/base/check.h"
#include "libs/base/status.h"
#include "libs/discovery/instance_text.h"
#include "libs/discovery/last_good_set.h"
#include "libs/telemetry/log.h"

namespace holdfast::discovery {
namespace {

constexpr Duration kLongestTick = std::chrono::seconds(1);  // so that ages are shown

}  // namespace

// Its mutex is held while the callback runs, which is what makes dropping a watch wait for it.
struct SetBoard::Subscriber {
  absl::Mutex mutex;
  Directory::Callback callback ABSL_GUARDED_BY(mutex);  // empty once dropped
  std::uint64_t delivered ABSL_GUARDED_BY(mutex) = 0;   // version of the set seen last
};

struct SetBoard::Service {
  Service(Duration shrink_hold, SteadyTime now, telemetry::Gauge size_gauge,
          telemetry::Gauge age_gauge, telemetry::Counter kept_back)
      : guard(shrink_hold),
        confirmed(now),
        instances(size_gauge),
        age(age_gauge),
        guarded(kept_back) {}

  GuardedSet guard;
  SharedSet set;              // what guard.current() was at `version`; null: nothing known
  std::uint64_t version = 0;  // grows with each delivery
  bool followed = false;
  SteadyTime confirmed;  // when the back end last said what `set` says; at first: when we began
  bool ever_confirmed = false;
  std::vector<std::shared_ptr<Subscriber>> subscribers;
  telemetry::Gauge instances;
  telemetry::Gauge age;
  telemetry::Counter guarded;
};

class SetBoard::Handle final : public Watch {
 public:
  Handle(SetBoard& board, std::string service, std::shared_ptr<Subscriber> subscriber)
      : board_(board), service_(std::move(service)), subscriber_(std::move(subscriber)) {}
  ~Handle() override {
    board_.Remove(service_, *subscriber_);
    absl::MutexLock lock(&subscriber_->mutex);
    subscriber_->callback = nullptr;
  }

 private:
  SetBoard& board_;
  const std::string service_;
  const std::shared_ptr<Subscriber> subscriber_;
};

SetBoard::SetBoard(std::string_view backend, const Options& options, const Clock& clock,
                   telemetry::Metrics& metrics)
    : backend_(backend),
      snapshot_dir_(options.snapshot_dir),
      shrink_hold_(options.shrink_hold),
      clock_(clock),
      instances_(metrics.GaugeFamily("holdfast_discovery_instances",
                                     "Known instances of a service.", {"service"})),
      age_(metrics.GaugeFamily("holdfast_discovery_set_age_seconds",
                               "Time since the back end last confirmed the instances in use.",
                               {"service"})),
      guarded_(metrics.CounterFamily("holdfast_discovery_guarded_total",
                                     "Empty or halved lists that were kept back.", {"service"})),
      not_saved_(metrics.Counter("holdfast_discovery_not_saved_total",
                                 "Last good sets that could not be written to disk.")),
      backend_up_(metrics
                      .GaugeFamily("holdfast_discovery_backend_up",
                                   "1 while the discovery back end answers.", {"backend"})
                      .With({backend})),
      down_since_(clock.SteadyNow()) {
  backend_up_.Set(0);
}

SetBoard::~SetBoard() = default;

SetBoard::Service& SetBoard::ServiceOf(std::string_view name) {
  std::unique_ptr<Service>& service = services_[std::string(name)];
  if (service != nullptr) return *service;
  service = std::make_unique<Service>(shrink_hold_, clock_.SteadyNow(), instances_.With({name}),
                                      age_.With({name}), guarded_.With({name}));
  if (snapshot_dir_.empty()) return *service;

  absl::StatusOr<InstanceSet> restored = LoadLastGoodSet(snapshot_dir_, name);
  if (restored.ok() && !restored->empty()) {
    service->guard.Restore(*std::move(restored), clock_.SteadyNow());
    service->set = std::make_shared<const InstanceSet>(service->guard.current());
    service->version = 1;
    service->instances.Set(static_cast<double>(service->set->size()));
  } else if (!restored.ok() && restored.status().code() != absl::StatusCode::kNotFound) {
    telemetry::Log(telemetry::Warning, "last good set ignored",
                   {{"service", name}, {"reason", ToString(restored.status())}});
  }
  return *service;
}

SetBoard::Subscription SetBoard::Subscribe(std::string_view name, Directory::Callback callback) {
  HOLDFAST_CHECK(IsServiceName(name));
  auto subscriber = std::make_shared<Subscriber>();
  {
    absl::MutexLock lock(&subscriber->mutex);
    subscriber->callback = std::move(callback);
  }
  Subscription subscription;
  subscription.watch = std::make_unique<Handle>(*this, std::string(name), subscriber);
  SharedSet set;
  std::uint64_t version = 0;
  {
    absl::MutexLock lock(&mutex_);
    Service& service = ServiceOf(name);
    service.subscribers.push_back(subscriber);
    subscription.first_of_service = !std::exchange(service.followed, true);
    set = service.set;
    version = service.version;
  }
  Deliver(*subscriber, set, version);
  return subscription;
}

void SetBoard::Remove(std::string_view name, const Subscriber& subscriber) {
  absl::MutexLock lock(&mutex_);
  std::erase_if(ServiceOf(name).subscribers, [&](const auto& s) { return s.get() == &subscriber; });
}

void SetBoard::Deliver(Subscriber& subscriber, const SharedSet& set, std::uint64_t version) {
  absl::MutexLock lock(&subscriber.mutex);
  if (subscriber.callback == nullptr || version <= subscriber.delivered) return;
  subscriber.delivered = version;
  subscriber.callback(*set);
}

void SetBoard::Offer(std::string_view name, InstanceSet offered) {
  bool changed = false;
  {
    absl::MutexLock lock(&mutex_);
    Service& service = ServiceOf(name);
    const bool held_back_before = service.guard.holding_back();
    const SteadyTime now = clock_.SteadyNow();
    const std::size_t offered_size = offered.size();
    changed = service.guard.Offer(std::move(offered), now);
    if (!service.guard.holding_back() && !service.guard.current().empty()) {
      service.confirmed = now;
      service.ever_confirmed = true;
    }
    if (service.guard.holding_back() && !held_back_before) {
      service.guarded.Add();
      telemetry::Log(
          telemetry::Warning, "shrunken list of instances kept back",
          {{"service", name}, {"listed", offered_size}, {"kept", service.guard.current().size()}});
    }
  }
  if (changed) Publish(name);
}

void SetBoard::Confirm(std::string_view name) {
  absl::MutexLock lock(&mutex_);
  Service& service = ServiceOf(name);
  if (!service.guard.holding_back()) service.confirmed = clock_.SteadyNow();
}

void SetBoard::ShowAges(SteadyTime now) {
  for (const auto& [name, service] : services_) {
    if (service->set == nullptr) continue;
    service->age.Set(std::chrono::duration<double>(now - service->confirmed).count());
  }
}

void SetBoard::Tick() {
  std::vector<std::string> changed;
  {
    absl::MutexLock lock(&mutex_);
    const SteadyTime now = clock_.SteadyNow();
    for (const auto& [name, service] : services_) {
      if (service->guard.Tick(now)) changed.push_back(name);
    }
    ShowAges(now);
  }
  for (const std::string& name : changed) Publish(name);
}

SteadyTime SetBoard::next_tick() const {
  absl::MutexLock lock(&mutex_);
  SteadyTime next = clock_.SteadyNow() + kLongestTick;
  for (const auto& [name, service] : services_) {
    const std::optional<SteadyTime> due = service->guard.next_tick();
    if (due) next = std::min(next, *due);
  }
  return next;
}

void SetBoard::Publish(std::string_view name) {
  SharedSet set;
  std::uint64_t version = 0;
  std::vector<std::shared_ptr<Subscriber>> subscribers;
  {
    absl::MutexLock lock(&mutex_);
    Service& service = ServiceOf(name);
    service.set = std::make_shared<const InstanceSet>(service.guard.current());
    version = ++service.version;
    service.instances.Set(static_cast<double>(service.set->size()));
    set = service.set;
    subscribers = service.subscribers;
  }
  for (const auto& subscriber : subscribers) Deliver(*subscriber, set, version);
  telemetry::Log(telemetry::Info, "instances changed",
                 {{"service", name}, {"instances", set->size()}});
  Save(name, *set);
}

void SetBoard::Save(std::string_view name, const InstanceSet& set) {
  if (snapshot_dir_.empty()) return;
  if (const absl::Status saved = SaveLastGoodSet(snapshot_dir_, name, set); !saved.ok()) {
    not_saved_.Add();
    telemetry::Log(telemetry::Warning, "last good set not saved",
                   {{"service", name}, {"reason", ToString(saved)}});
  }
}

void SetBoard::BackendUp() {
  absl::MutexLock lock(&mutex_);
  if (std::exchange(up_, true)) return;
  backend_up_.Set(1);
  telemetry::Log(telemetry::Info, "discovery connected", {{"backend", backend_}});
}

void SetBoard::BackendDown(std::string_view why) {
  absl::MutexLock lock(&mutex_);
  why_down_ = std::string(why);
  if (!std::exchange(up_, false)) return;
  down_since_ = clock_.SteadyNow();
  backend_up_.Set(0);
  telemetry::Log(telemetry::Warning, "discovery away, serving last good sets",
                 {{"backend", backend_}, {"reason", why}});
}

bool SetBoard::up() const {
  absl::MutexLock lock(&mutex_);
  return up_;
}

void SetBoard::ShowRegistration(std::string_view key, std::string line) {
  absl::MutexLock lock(&mutex_);
  if (line.empty()) {
    registrations_.erase(std::string(key));
  } else {
    registrations_[std::string(key)] = std::move(line);
  }
}

std::string SetBoard::DescribeService(std::string_view name, const Service& service,
                                      SteadyTime now) const {
  if (service.set == nullptr) return fmt::format("\n  {}: no instances known yet", name);
  const auto age = std::chrono::floor<std::chrono::seconds>(now - service.confirmed);
  std::string text =
      fmt::format("\n  {}: {} instances, {} {} s ago", name, service.set->size(),
                  service.ever_confirmed ? "confirmed" : "from disk, read", age.count());
  if (service.guard.holding_back()) {
    text += fmt::format("; a list of {} is kept back", service.guard.held_back_size());
  }
  for (const Instance& i : *service.set) {
    text += fmt::format("\n    {} {} zone '{}' version '{}' weight {}{}", i.id, i.address, i.zone,
                        i.version, i.weight, i.state == State::kDraining ? " draining" : "");
  }
  return text;
}

std::string SetBoard::Describe() const {
  absl::MutexLock lock(&mutex_);
  const SteadyTime now = clock_.SteadyNow();
  std::string text = backend_ + ": connected";
  if (!up_) {
    const auto away = std::chrono::floor<std::chrono::seconds>(now - down_since_);
    text = fmt::format("{}: {}, {} s, serving last good set", backend_, why_down_, away.count());
  }
  for (const auto& [name, service] : services_) text += DescribeService(name, *service, now);
  for (const auto& [key, line] : registrations_) text += fmt::format("\n  own {}: {}", key, line);
  return text;
}

}  // namespace holdfast::discovery
