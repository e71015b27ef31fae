#include "services/middleware/stream_slots.h"

#include <algorithm>
#include <utility>

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kSweeps = 16;
// Signs that are told late, of before a slot ended, come within this time.
constexpr auto kRememberEnds = 15s;
// Of a shard, to be told when Redis is back; beyond that others learn by later signs.
constexpr std::size_t kMostWaiting = 4096;

telemetry::CounterFamily AsksIn(telemetry::Metrics& metrics) {
  return metrics.CounterFamily(
      "holdfast_middleware_stream_slots_total",
      "Devices that asked to play, by what became of their slot: kept, granted, refused because as "
      "many play as the tariff allows, or beyond_limit, which is not refused in mode count.",
      {"result"});
}

}  // namespace

StreamSlots::StreamSlots(const Options& options, const Clock& clock, telemetry::Metrics& metrics)
    : options_(options),
      clock_(clock),
      begun_(clock.SteadyNow()),
      kept_(AsksIn(metrics).With({"kept"})),
      granted_(AsksIn(metrics).With({"granted"})),
      refused_(AsksIn(metrics).With({"refused"})),
      beyond_(AsksIn(metrics).With({"beyond_limit"})),
      live_(metrics.Gauge("holdfast_middleware_stream_slots",
                          "Devices that play, on all instances, as far as this one knows.")) {}

StreamSlots::Shard& StreamSlots::ShardOf(std::string_view account) const {
  // Not the bits that the maps of the shards use.
  return shards_[(StringHash()(account) >> 40) % kShards];
}

bool StreamSlots::Counts(const AccountId& account) const {
  return options_.mode != Mode::kOff && !account.value().empty();
}

AccountStreams::Moment StreamSlots::Now() const {
  return {clock_.SteadyNow(), EpochMillis(clock_.Now())};
}

void StreamSlots::Queue(Shard& shard, std::string_view account, AccountStreams& streams,
                        SteadyTime now) const {
  if (!options_.shared) return;
  for (StreamSlot& slot : streams.slots()) {
    if (slot.queued || shard.changed.size() >= kMostWaiting || !WorthTelling(slot, now)) continue;
    slot.queued = true;
    shard.changed.emplace_back(account, slot.device);
  }
}

bool StreamSlots::Take(const AccountId& account, const SlotWish& wish) {
  if (!Counts(account)) return true;
  const AccountStreams::Moment moment = Now();
  Shard& shard = ShardOf(account.value());
  SlotVerdict verdict = SlotVerdict::kKept;
  bool beyond = false;
  {
    absl::MutexLock lock(&shard.mutex);
    AccountStreams& streams = shard.accounts[account.value()];
    if (options_.mode == Mode::kEnforce) {
      verdict = streams.Take(wish, options_.leases, moment);
    } else {
      beyond = streams.Judge(wish.device, wish.limit, moment.now) == SlotVerdict::kRefused;
      SlotWish unlimited = wish;
      unlimited.limit = 0;
      verdict = streams.Take(unlimited, options_.leases, moment);
    }
    Queue(shard, account.value(), streams, moment.now);
  }
  if (beyond) beyond_.Add();
  switch (verdict) {
    case SlotVerdict::kKept:
      kept_.Add();
      return true;
    case SlotVerdict::kGranted:
      granted_.Add();
      return true;
    case SlotVerdict::kRefused:
      break;
  }
  refused_.Add();
  return false;
}

bool StreamSlots::WouldTake(const AccountId& account, std::string_view device, int limit) const {
  if (!Counts(account) || options_.mode != Mode::kEnforce) return true;
  Shard& shard = ShardOf(account.value());
  absl::MutexLock lock(&shard.mutex);
  const AccountStreams* streams = Find(shard.accounts, account.value());
  return streams == nullptr ||
         streams->Judge(device, limit, clock_.SteadyNow()) != SlotVerdict::kRefused;
}

void StreamSlots::Plays(const AccountId& account, std::string_view device) {
  if (!Counts(account)) return;
  const AccountStreams::Moment moment = Now();
  Shard& shard = ShardOf(account.value());
  absl::MutexLock lock(&shard.mutex);
  AccountStreams& streams = shard.accounts[account.value()];
  streams.Plays(device, options_.leases, moment);
  Queue(shard, account.value(), streams, moment.now);
}

void StreamSlots::Heartbeat(const AccountId& account, std::string_view device, bool plays) {
  if (!Counts(account)) return;
  const SteadyTime now = clock_.SteadyNow();
  Shard& shard = ShardOf(account.value());
  absl::MutexLock lock(&shard.mutex);
  AccountStreams* streams = Find(shard.accounts, account.value());
  if (streams == nullptr) return;
  streams->Heartbeat(device, plays, options_.leases, now);
  Queue(shard, account.value(), *streams, now);
}

bool StreamSlots::GiveBack(const AccountId& account, std::string_view device) {
  if (!Counts(account)) return false;
  const SteadyTime now = clock_.SteadyNow();
  Shard& shard = ShardOf(account.value());
  absl::MutexLock lock(&shard.mutex);
  AccountStreams* streams = Find(shard.accounts, account.value());
  if (streams == nullptr || !streams->GiveBack(device, now)) return false;
  Queue(shard, account.value(), *streams, now);
  return true;
}

std::vector<ShownStream> StreamSlots::List(const AccountId& account) const {
  std::vector<ShownStream> shown;
  const SteadyTime now = clock_.SteadyNow();
  const Shard& shard = ShardOf(account.value());
  absl::MutexLock lock(&shard.mutex);
  const AccountStreams* streams = Find(shard.accounts, account.value());
  if (streams == nullptr) return shown;
  for (const StreamSlot& slot : streams->slots()) {
    if (!slot.live(now)) continue;
    shown.push_back({.device = slot.device,
                     .since_ms = slot.since_ms,
                     .seen_ago = std::chrono::duration_cast<std::chrono::seconds>(now - slot.seen),
                     .ends_in = std::chrono::ceil<std::chrono::seconds>(slot.until - now)});
  }
  std::sort(shown.begin(), shown.end(), [](const ShownStream& a, const ShownStream& b) {
    return a.since_ms != b.since_ms ? a.since_ms < b.since_ms : a.device < b.device;
  });
  return shown;
}

int StreamSlots::Count(const AccountId& account) const {
  const Shard& shard = ShardOf(account.value());
  absl::MutexLock lock(&shard.mutex);
  const AccountStreams* streams = Find(shard.accounts, account.value());
  return streams == nullptr ? 0 : streams->Live(clock_.SteadyNow());
}

std::optional<std::chrono::seconds> StreamSlots::AloneSince() const {
  if (!options_.shared || options_.mode == Mode::kOff) return std::nullopt;
  const SteadyTime::rep heard = heard_.load(std::memory_order_relaxed);
  const SteadyTime since = heard == 0 ? begun_ : SteadyTime(SteadyTime::duration(heard));
  const auto alone = clock_.SteadyNow() - since;
  if (alone < options_.silent_after) return std::nullopt;
  return std::chrono::duration_cast<std::chrono::seconds>(alone);
}

std::vector<StreamChange> StreamSlots::TakeChanges(std::size_t most) {
  std::vector<StreamChange> changes;
  for (Shard& shard : shards_) {
    absl::MutexLock lock(&shard.mutex);
    while (!shard.changed.empty() && changes.size() < most) {
      auto [account, device] = std::move(shard.changed.back());
      shard.changed.pop_back();
      AccountStreams* streams = Find(shard.accounts, account);
      if (streams == nullptr) continue;
      for (StreamSlot& slot : streams->slots()) {
        if (slot.device != device) continue;
        slot.queued = false;
        slot.told_until = slot.until;
        changes.push_back({std::move(account), slot});
        break;
      }
    }
  }
  return changes;
}

void StreamSlots::PutBack(const std::vector<StreamChange>& changes) {
  for (const StreamChange& change : changes) {
    Shard& shard = ShardOf(change.account);
    absl::MutexLock lock(&shard.mutex);
    AccountStreams* streams = Find(shard.accounts, change.account);
    if (streams == nullptr) continue;
    for (StreamSlot& slot : streams->slots()) {
      if (slot.queued || slot.device != change.slot.device) continue;
      slot.queued = true;
      shard.changed.emplace_back(change.account, slot.device);
    }
  }
}

void StreamSlots::TellAgain() {
  const SteadyTime now = clock_.SteadyNow();
  for (Shard& shard : shards_) {
    absl::MutexLock lock(&shard.mutex);
    shard.changed.clear();
    for (auto& [account, streams] : shard.accounts) {
      for (StreamSlot& slot : streams.slots()) {
        slot.queued = false;
        if (slot.mine && slot.live(now)) slot.told_until = now;
      }
      Queue(shard, account, streams, now);
    }
  }
}

void StreamSlots::Learn(const std::string& account, const StreamSlot& slot) {
  if (options_.mode == Mode::kOff || account.empty() || slot.device.empty()) return;
  const SteadyTime now = clock_.SteadyNow();
  Shard& shard = ShardOf(account);
  absl::MutexLock lock(&shard.mutex);
  AccountStreams& streams = shard.accounts[account];
  streams.Learn(slot, now);
  Queue(shard, account, streams, now);  // what is known here may be newer
}

void StreamSlots::HeardOthers() {
  heard_.store(clock_.SteadyNow().time_since_epoch().count(), std::memory_order_relaxed);
}

void StreamSlots::Sweep() {
  const SteadyTime now = clock_.SteadyNow();
  for (std::size_t i = next_swept_; i < kShards; i += kSweeps) {
    Shard& shard = shards_[i];
    absl::MutexLock lock(&shard.mutex);
    shard.live = 0;
    for (auto it = shard.accounts.begin(); it != shard.accounts.end();) {
      it->second.Forget(now, kRememberEnds);
      shard.live += it->second.Live(now);
      if (it->second.slots().empty()) {
        shard.accounts.erase(it++);
      } else {
        ++it;
      }
    }
  }
  next_swept_ = (next_swept_ + 1) % kSweeps;
  int live = 0;
  for (Shard& shard : shards_) {
    absl::MutexLock lock(&shard.mutex);
    live += shard.live;
  }
  live_.Set(live);
}

}  // namespace holdfast::middleware
