#include "tests/sim/process.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace holdfast::sim {

namespace {

discovery::Instance Describe(const ServiceSpec& spec, std::size_t index, int zone) {
  return {.id = fmt::format("{}-{:05}", spec.name, index),
          .address = fmt::format("{}", index),
          .zone = std::string(1, static_cast<char>('a' + zone)),
          .version = "1"};
}

}  // namespace

Process::Process(World& world, std::size_t index, std::size_t service, int zone)
    : world_(world),
      index_(index),
      service_(service),
      zone_(zone),
      instance_(Describe(world.spec(service), index, zone)),
      clock_(world.timeline),
      server_(world, *this),
      callers_(world.services.size()) {}

void Process::StartWithTheWorld() { Booted(); }

void Process::Start(Duration boot) {
  if (life_ == Life::kRunning || life_ == Life::kFrozen) return;
  world_.timeline.In(boot, *this, kBooted, ++incarnation_);
}

void Process::Booted() {
  life_ = Life::kRunning;
  leaving_ = closed_ = false;
  instance_.state = discovery::State::kServing;
  for (const std::size_t service : world_.spec(service_).calls) {
    callers_[service] = std::make_unique<Caller>(world_, *this, service);
  }
  world_.directory.Register(index_);
}

void Process::Crash() {
  if (life_ == Life::kDead) return;
  const bool said_goodbye = leaving_;
  End();
  life_ = Life::kDead;
  world_.post.Hangup(index_);
  said_goodbye ? world_.directory.Unregister(index_) : world_.directory.Vanished(index_);
}

void Process::CrashLater(Duration within, Duration away) {
  until_start_ = away;
  world_.timeline.In(world_.dice.Between({}, within), *this, kCrash, incarnation_);
}

void Process::GoDark() {
  End();
  life_ = Life::kDark;
  world_.directory.Vanished(index_);
}

void Process::End() {
  ++incarnation_;
  server_.Forget();
  put_off_.clear();
  for (auto& caller : callers_) {
    if (!caller) continue;
    caller->Die();
    dead_callers_.push_back(std::move(caller));
  }
}

void Process::Freeze() {
  if (life_ != Life::kRunning) return;
  life_ = Life::kFrozen;
  world_.directory.Vanished(index_);
}

void Process::Thaw() {
  if (life_ != Life::kFrozen) return;
  life_ = Life::kRunning;
  world_.directory.Register(index_);
  std::vector<PutOffEvent> waited = std::exchange(put_off_, {});
  // The timers have run out before anybody looks at what has arrived.
  std::stable_partition(waited.begin(), waited.end(),
                        [this](const PutOffEvent& event) { return event.actor != &world_.post; });
  for (const PutOffEvent& event : waited) {
    world_.timeline.In({}, *event.actor, event.what, event.with);
  }
}

void Process::Suspend(Duration time) {
  if (life_ != Life::kRunning) return;
  Freeze();
  suspended_ = time;
  // Its timers go by its clock.
  world_.timeline.Postpone([this](const Actor& actor) { return Owns(actor); }, time);
  world_.timeline.In(time, *this, kResume, incarnation_);
}

bool Process::Owns(const Actor& actor) const {
  if (&actor == this || server_.Owns(actor)) return true;
  return std::any_of(callers_.begin(), callers_.end(),
                     [&](const auto& caller) { return caller.get() == &actor; });
}

void Process::Drain(Duration announce, Duration until_start) {
  if (life_ != Life::kRunning) return;
  leaving_ = true;
  until_start_ = until_start;
  instance_.state = discovery::State::kDraining;
  world_.directory.StateChanged(index_);
  world_.timeline.In(announce, *this, kClosed, incarnation_);
}

bool Process::PutOff(Actor& actor, std::uint32_t what, std::uint64_t with) {
  if (life_ != Life::kFrozen) return false;
  put_off_.push_back({&actor, what, with});
  return true;
}

std::size_t Process::Uses(std::size_t service) const {
  return callers_[service] ? callers_[service]->usable() : 0;
}

void Process::Learn(std::size_t service) {
  if (callers_[service]) callers_[service]->Update(world_.directory.Believed(service));
}

void Process::HungUp(std::size_t process) {
  const std::size_t service = world_.process(process).service();
  if (callers_[service]) callers_[service]->HungUp(process);
}

void Process::Act(std::uint32_t what, std::uint64_t with) {
  if (with != incarnation_) return;  // something else has happened to it since
  if (what == kBooted) return Booted();
  if (what == kResume) {
    clock_.StoodStill(suspended_);
    return Thaw();
  }
  closed_ = true;
  if (what == kClosed && server_.holds() > 0) {
    return world_.timeline.In(std::chrono::milliseconds(10), *this, kClosed, with);
  }
  Crash();
  Start(until_start_);
}

}  // namespace holdfast::sim
