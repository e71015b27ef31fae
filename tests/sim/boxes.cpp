#include "tests/sim/boxes.h"

#include <span>
#include <utility>

namespace holdfast::sim {

namespace {

using namespace std::chrono_literals;
using enum BoxCall;

constexpr Duration kHeartbeatEvery = 120s;
constexpr Duration kWatchesOneChannel = 15min;
constexpr double kSurfsOn = 0.75;
constexpr Duration kMeanBetweenZaps = kWatchesOneChannel / 4;  // one zap of four is not surfing
constexpr Duration kTriesAgainAfter = 5s;
constexpr int kTriesAtStart = 5;
constexpr Duration kThinkTime = 40ms;  // of a box between an answer and its next question

constexpr BoxCall kMagStart[] = {kHandshake, kGetProfile,     kGetLocalization, kGetModules,
                                 kGetEpg,    kGetAllChannels, kGetFavourites,   kGetEvents};
constexpr BoxCall kKodiStart[] = {kHandshake,      kGetProfile,     kGetEvents, kGetGenres,
                                  kGetAllChannels, kGetOrderedList, kGetEpg};

std::span<const BoxCall> StartOf(bool kodi) {
  return kodi ? std::span<const BoxCall>(kKodiStart) : std::span<const BoxCall>(kMagStart);
}

bool NeverAskedAgain(BoxCall call) {
  return call == kGetAllChannels || call == kGetGenres || call == kGetOrderedList;
}

}  // namespace

Tally Boxes::Seen::all() const {
  Tally sum;
  for (const Tally& tally : asked) sum += tally;
  return sum;
}

Boxes::Boxes(World& world, std::size_t portal, std::uint32_t count)
    : world_(world), door_(world, portal, *this), boxes_(count) {
  for (Box& box : boxes_) box.kodi = world_.dice.Chance(0.3);
}

void Boxes::Watch() {
  for (std::uint32_t index = 0; index < boxes_.size(); ++index) {
    boxes_[index].state = State::kWatching;
    In(world_.dice.Between({}, kHeartbeatEvery), kHeartbeat, index);
    In(world_.dice.Exponential(kMeanBetweenZaps), kZap, index);
  }
}

void Boxes::SwitchOn(Duration within) {
  for (std::uint32_t index = 0; index < boxes_.size(); ++index) {
    Box& box = boxes_[index];
    ++box.epoch;
    box.state = State::kStarting;
    box.step = box.failed = 0;
    In(world_.dice.Between({}, within), kStep, index);
  }
}

Boxes::Seen Boxes::Look() { return std::exchange(seen_, {}); }

std::uint32_t Boxes::watching() const {
  std::uint32_t count = 0;
  for (const Box& box : boxes_) count += box.state == State::kWatching;
  return count;
}

void Boxes::In(Duration wait, What what, std::uint32_t index) {
  world_.timeline.In(wait, *this, what, std::uint64_t{boxes_[index].epoch} << 32 | index);
}

void Boxes::Act(std::uint32_t what, std::uint64_t with) {
  const auto index = static_cast<std::uint32_t>(with);
  Box& box = boxes_[index];
  if (box.epoch != with >> 32) return;
  switch (static_cast<What>(what)) {
    case kStep:
      return StartStep(index);
    case kHeartbeat:
      In(kHeartbeatEvery, kHeartbeat, index);
      return Ask(index, kGetEvents);
    case kZap:
      box.zapped_at = world_.timeline.elapsed();
      return Ask(index, kCreateLink);
  }
}

void Boxes::Ask(std::uint32_t index, BoxCall call) {
  door_.Ask({.who = std::uint64_t{boxes_[index].epoch} << 32 | index,
             .method = static_cast<std::size_t>(call),
             .criticality = CriticalityOf(call)});
}

void Boxes::Answered(const FrontDoor::Question& question, absl::StatusCode code) {
  const bool ok = code == absl::StatusCode::kOk;
  Tally& tally = seen_.asked[question.method];
  ++tally.calls;
  if (!ok) ++tally.failed;
  const auto index = static_cast<std::uint32_t>(question.who);
  const Box& box = boxes_[index];
  if (box.epoch != question.who >> 32) return;
  const auto call = static_cast<BoxCall>(question.method);
  if (call == kCreateLink) return Zapped(index, ok);
  if (box.state == State::kStarting) StepAnswered(index, call, ok);
}

void Boxes::StartStep(std::uint32_t index) {
  const Box& box = boxes_[index];
  Ask(index, StartOf(box.kodi)[box.step]);
}

void Boxes::StepAnswered(std::uint32_t index, BoxCall call, bool ok) {
  Box& box = boxes_[index];
  if (!ok && (call == kHandshake || call == kGetProfile)) return StepAgain(index, 0);
  if (!ok && call == kGetEpg && box.failed + 1 < kTriesAtStart) return StepAgain(index, box.step);
  if (!ok && NeverAskedAgain(call)) ++seen_.empty_lists;
  if (call != kHandshake) box.failed = 0;
  if (++box.step == StartOf(box.kodi).size()) return BeginsToWatch(index);
  In(kThinkTime, kStep, index);
}

void Boxes::StepAgain(std::uint32_t index, std::uint8_t from_step) {
  Box& box = boxes_[index];
  box.step = from_step;
  if (++box.failed < kTriesAtStart) return In(kTriesAgainAfter, kStep, index);
  box.state = State::kGaveUp;
  ++seen_.gave_up;
}

void Boxes::BeginsToWatch(std::uint32_t index) {
  boxes_[index].state = State::kWatching;
  ++seen_.started;
  In(kHeartbeatEvery, kHeartbeat, index);
  In(world_.dice.Between(1s, 10s), kZap, index);
}

void Boxes::Zapped(std::uint32_t index, bool ok) {
  Box& box = boxes_[index];
  seen_.link_times.Add(world_.timeline.elapsed() - box.zapped_at);
  if (!ok) return In(world_.dice.Between(2s, 5s), kZap, index);
  if (!box.kodi) Ask(index, kLog);
  const bool surfs = world_.dice.Chance(kSurfsOn);
  In(surfs ? world_.dice.Between(2s, 8s) : world_.dice.Exponential(kWatchesOneChannel), kZap,
     index);
}

Criticality Boxes::CriticalityOf(BoxCall call) {
  if (call == kCreateLink || NeverAskedAgain(call)) return Criticality::kCritical;
  if (call == kGetEvents || call == kLog) return Criticality::kBackground;
  return Criticality::kInteractive;
}

std::vector<MethodSpec> Boxes::PortalMethods(const Needs& needs) {
  constexpr Duration kFromMemory = 150us;
  std::vector<MethodSpec> methods(kBoxCalls, MethodSpec{.work = kFromMemory});
  constexpr std::string_view kNames[] = {"handshake",        "get_profile",      "get_localization",
                                         "get_modules",      "get_all_channels", "get_genres",
                                         "get_ordered_list", "get_fav_ids",      "get_epg_info",
                                         "get_events",       "create_link",      "log"};
  for (std::size_t i = 0; i < kBoxCalls; ++i) methods[i].name = kNames[i];
  methods[static_cast<std::size_t>(kGetProfile)].needs = {
      {.service = needs.billing, .method = 0, .chance = needs.profile_asks_billing}};
  methods[static_cast<std::size_t>(kGetAllChannels)].work = 1ms;
  methods[static_cast<std::size_t>(kGetEpg)].work = 2ms;
  methods[static_cast<std::size_t>(kGetEpg)].needs = {
      {.service = needs.epg, .method = 0, .chance = needs.guide_asks_epg}};
  for (MethodSpec& method : methods) method.from_memory = method.needs.empty();
  return methods;
}

}  // namespace holdfast::sim
