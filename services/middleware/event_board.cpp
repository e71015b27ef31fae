#include "services/middleware/event_board.h"

#include <algorithm>
#include <utility>

#include "holdfast/middleware/v1/replica_items.pb.h"
#include "libs/base/status.h"
#include "services/middleware/convert_items.h"

namespace holdfast::middleware {
namespace {

constexpr std::size_t kMaxUnsaved = 500'000;

bool ComesFirst(const std::shared_ptr<const BoxEvent>& a,
                const std::shared_ptr<const BoxEvent>& b) {
  return GoesBefore(*a, *b);
}

}  // namespace

class EventBoard::Replica final {
 public:
  Replica(EventBoard& board, std::string file, const Clock& clock, telemetry::Metrics& metrics)
      : items({.name = "box_events", .file = std::move(file), .refuse_shrink_below = 0}, clock,
              metrics, nullptr, [&board](const replica::Replica<v1::BoxEvent>::Picture& picture) {
                std::vector<std::shared_ptr<const BoxEvent>> events;
                for (const auto& [key, item] : picture->items) {
                  events.push_back(std::make_shared<const BoxEvent>(FromProto(*item)));
                }
                board.Build(std::move(events));
              }) {}

  replica::Replica<v1::BoxEvent> items;
};

EventBoard::EventBoard(std::string file, const Clock& clock, telemetry::Metrics& metrics)
    : index_(std::make_shared<const Index>()),
      replica_(std::make_unique<Replica>(*this, std::move(file), clock, metrics)) {}

EventBoard::~EventBoard() = default;

replica::ReplicaBase& EventBoard::replica() { return replica_->items; }

EventBoard::Shard& EventBoard::ShardOf(std::string_view mac) {
  return shards_[StringHash()(mac) % kShards];
}
const EventBoard::Shard& EventBoard::ShardOf(std::string_view mac) const {
  return shards_[StringHash()(mac) % kShards];
}

void EventBoard::Build(std::vector<std::shared_ptr<const BoxEvent>> events) {
  std::sort(events.begin(), events.end(), ComesFirst);
  auto index = std::make_shared<Index>();
  for (const auto& event : events) {
    index->ids.insert(event->id);
    if (event->target.kind != EventTarget::Kind::kMacs) {
      index->wide.push_back(event);
      continue;
    }
    for (const std::string& mac : event->target.names) index->by_mac[mac].push_back(event);
  }
  ForgetReceiptsOfGoneEvents(index->ids);
  index_.Set(std::move(index));
}

void EventBoard::ForgetReceiptsOfGoneEvents(const absl::flat_hash_set<std::int64_t>& present) {
  for (Shard& shard : shards_) {
    absl::MutexLock lock(&shard.mutex);
    for (auto& [mac, done] : shard.done) {
      absl::erase_if(done, [&](std::int64_t id) { return !present.contains(id); });
    }
    absl::erase_if(shard.done, [](const auto& entry) { return entry.second.empty(); });
  }
}

EventBoard::Found EventBoard::Find(const EventReceiver& receiver, WallTime now) const {
  const auto index = index_.Get();
  const auto* own = holdfast::Find(index->by_mac, receiver.mac);
  Found found;
  if (own == nullptr && index->wide.empty()) return found;
  const Shard& shard = ShardOf(receiver.mac);
  absl::ReaderMutexLock lock(&shard.mutex);
  const auto* done = holdfast::Find(shard.done, receiver.mac);
  const auto consider = [&](const std::shared_ptr<const BoxEvent>& event) {
    if (!IsDue(*event, now) || !IsFor(*event, receiver)) return;
    if (done != nullptr && done->contains(event->id)) return;
    ++found.waiting;
    if (found.event == nullptr || GoesBefore(*event, *found.event)) found.event = event;
  };
  for (const auto& event : index->wide) consider(event);
  if (own != nullptr) {
    for (const auto& event : *own) consider(event);
  }
  return found;
}

void EventBoard::Done(std::int64_t event_id, std::string_view mac, WallTime now) {
  if (!index_.Get()->ids.contains(event_id)) return;  // boxes may say any number
  {
    Shard& shard = ShardOf(mac);
    absl::MutexLock lock(&shard.mutex);
    if (!shard.done[std::string(mac)].insert(event_id).second) return;
  }
  absl::MutexLock lock(&mutex_);
  if (unsaved_.size() < kMaxUnsaved) {
    unsaved_.push_back({.event_id = event_id, .mac = std::string(mac), .at_ms = EpochMillis(now)});
  }
}

void EventBoard::TakeReceipts(const std::vector<EventReceipt>& receipts) {
  for (const EventReceipt& receipt : receipts) {
    Shard& shard = ShardOf(receipt.mac);
    absl::MutexLock lock(&shard.mutex);
    shard.done[receipt.mac].insert(receipt.event_id);
  }
}

absl::Status EventBoard::Flush(Store& store, Deadline deadline) {
  std::vector<EventReceipt> receipts;
  {
    absl::MutexLock lock(&mutex_);
    receipts.swap(unsaved_);
  }
  if (receipts.empty()) return absl::OkStatus();
  absl::Status saved = store.SaveReceipts(deadline, receipts);
  if (!saved.ok()) {
    absl::MutexLock lock(&mutex_);
    unsaved_.insert(unsaved_.begin(), std::make_move_iterator(receipts.begin()),
                    std::make_move_iterator(receipts.end()));
  }
  return saved;
}

std::vector<std::shared_ptr<const BoxEvent>> EventBoard::Events() const {
  const auto index = index_.Get();
  std::vector<std::shared_ptr<const BoxEvent>> events = index->wide;
  absl::flat_hash_set<std::int64_t> seen;
  for (const auto& [mac, own] : index->by_mac) {
    for (const auto& event : own) {
      if (seen.insert(event->id).second) events.push_back(event);
    }
  }
  std::sort(events.begin(), events.end(), ComesFirst);
  return events;
}

}  // namespace holdfast::middleware
