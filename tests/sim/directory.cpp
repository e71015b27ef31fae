#include "tests/sim/directory.h"

#include <utility>

#include "tests/sim/process.h"
#include "tests/sim/world.h"

namespace holdfast::sim {

namespace {
using std::chrono::milliseconds;
constexpr Duration kNotice = milliseconds(10);  // changes within it are told together
constexpr Duration kNoticeSpread = milliseconds(60);
}  // namespace

Directory::Directory(World& world, std::size_t services) : world_(world), views_(services) {}

void Directory::StartWithTheWorld() {
  for (std::size_t service = 0; service < views_.size(); ++service) {
    views_[service].registered.assign(world_.processes.size(), true);
    views_[service].guarded.Restore(Truth(service), world_.timeline.SteadyNow());
  }
}

void Directory::Register(std::size_t process) {
  const std::size_t service = world_.process(process).service();
  if (views_[service].registered[process]) return;
  views_[service].registered[process] = true;
  Changed(service);
}

void Directory::StateChanged(std::size_t process) { Changed(world_.process(process).service()); }

void Directory::Unregister(std::size_t process) {
  const std::size_t service = world_.process(process).service();
  if (away_) return Vanished(process);
  views_[service].registered[process] = false;
  Changed(service);
}

void Directory::Vanished(std::size_t process) {
  world_.timeline.In(kLease, *this, kLeaseOver, process);
}

void Directory::SetAway(bool away) {
  away_ = away;
  if (away) return;
  for (std::size_t service = 0; service < views_.size(); ++service) Changed(service);
}

void Directory::Lie(std::size_t service, discovery::InstanceSet list) {
  views_[service].lie = std::move(list);
  Changed(service);
}

void Directory::SpeakTruth(std::size_t service) {
  views_[service].lie.reset();
  Changed(service);
}

void Directory::Act(std::uint32_t what, std::uint64_t with) {
  switch (static_cast<What>(what)) {
    case kOffer:
      return Offer(with);
    case kLeaseOver: {
      if (away_) return Vanished(with);  // the leader extends all leases when it is back
      if (world_.process(with).registered()) return;
      const std::size_t service = world_.process(with).service();
      views_[service].registered[with] = false;
      return Changed(service);
    }
    case kTick: {
      const bool changed = views_[with].guarded.Tick(world_.timeline.SteadyNow());
      return changed ? Believe(with) : void();
    }
    case kTell: {
      Process& process = world_.process(with >> 32);
      if (process.PutOff(*this, what, with)) return;
      return process.Learn(static_cast<std::uint32_t>(with));
    }
  }
}

void Directory::Changed(std::size_t service) {
  if (away_ || std::exchange(views_[service].offer_asked, true)) return;
  world_.timeline.In(kNotice, *this, kOffer, service);
}

void Directory::Offer(std::size_t service) {
  View& view = views_[service];
  view.offer_asked = false;
  if (away_) return;
  const SteadyTime now = world_.timeline.SteadyNow();
  const bool changed = view.guarded.Offer(view.lie ? *view.lie : Truth(service), now);
  if (const auto next = view.guarded.next_tick()) {
    world_.timeline.In(*next - now, *this, kTick, service);
  }
  if (changed) Believe(service);
}

void Directory::Believe(std::size_t service) {
  for (const auto& process : world_.processes) {
    if (!process->Calls(service)) continue;
    world_.timeline.In(world_.dice.Between(Duration::zero(), kNoticeSpread), *this, kTell,
                       std::uint64_t{process->index()} << 32 | service);
  }
}

discovery::InstanceSet Directory::Truth(std::size_t service) const {
  discovery::InstanceSet set;
  for (const std::size_t process : world_.of(service)) {
    if (views_[service].registered[process]) set.push_back(world_.process(process).instance());
  }
  return set;
}

}  // namespace holdfast::sim
