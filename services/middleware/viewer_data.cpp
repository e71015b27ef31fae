#include "services/middleware/viewer_data.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "libs/base/status.h"
#include "libs/telemetry/log.h"
#include "services/middleware/convert_items.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;

constexpr auto kStoreTimeout = 700ms;  // the box waits
constexpr int kReplayBatch = 500;
constexpr std::int64_t kSequences = 1000;
constexpr std::size_t kMostWaiting = 10'000;  // writes of one viewer, in an outage
constexpr auto kRememberRemovals = 24h * 30;
constexpr std::int64_t kForgetAtOnce = 5000;

SharedBytes BytesOf(const ViewerItems& items) {
  v1::StoredViewerItems proto;
  for (const ViewerItem& item : items.all()) *proto.add_items() = ToProto("", item);
  return MakeShared(proto.SerializeAsString());
}

ViewerItems ItemsOf(const SharedBytes& bytes) {
  ViewerItems items;
  v1::StoredViewerItems proto;
  if (bytes == nullptr || !proto.ParseFromString(*bytes)) return items;
  for (const v1::StoredViewerItem& item : proto.items()) items.Merge(FromProto(item));
  return items;
}

std::vector<ViewerItemWrite> Parse(const std::vector<std::string>& records) {
  std::vector<ViewerItemWrite> writes;
  for (const std::string& record : records) {
    v1::StoredViewerItem item;
    if (item.ParseFromString(record)) writes.push_back({item.viewer(), FromProto(item)});
  }
  return writes;
}

}  // namespace

ViewerData::ViewerData(const Options& options, Store& store, storage::DiskSpool& spool,
                       const DatabaseHealth& database, WorkerPool& workers, const Clock& clock,
                       telemetry::Metrics& metrics)
    : store_(store),
      spool_(spool),
      database_(database),
      clock_(clock),
      cache_(
          {.name = "viewers", .soft_ttl = 1min, .hard_ttl = 1h, .file = options.file}, clock,
          metrics,
          [this](std::string_view viewer, Deadline deadline) -> absl::StatusOr<SharedBytes> {
            if (!database_.usable()) return Unavailable("postgres is away");
            HOLDFAST_ASSIGN_OR_RETURN(auto items, store_.LoadViewer(deadline, std::string(viewer)));
            return BytesOf(ViewerItems(std::move(items)));
          },
          [&workers](std::function<void()> job) { return workers.TrySubmit(std::move(job)); }),
      sequence_(static_cast<std::int64_t>(StringHash()(options.instance) % kSequences)) {}

ViewerData::Stripe& ViewerData::StripeOf(const std::string& viewer) {
  return stripes_[StringHash()(viewer) % kStripes];
}

std::vector<ViewerItem> ViewerData::PendingOf(const std::string& viewer) {
  absl::MutexLock lock(&mutex_);
  const auto* waiting = Find(pending_, viewer);
  return waiting == nullptr ? std::vector<ViewerItem>() : *waiting;
}

std::shared_ptr<ViewerItems> ViewerData::WithPending(const std::string& viewer,
                                                     const SharedBytes& bytes) {
  auto items = std::make_shared<ViewerItems>(ItemsOf(bytes));
  for (ViewerItem& item : PendingOf(viewer)) items->Merge(std::move(item));
  return items;
}

ViewerItems ViewerData::KeepCopy(const std::string& viewer, std::vector<ViewerItem> stored,
                                 std::uint64_t writes) {
  ViewerItems items(std::move(stored));
  Stripe& stripe = StripeOf(viewer);
  absl::MutexLock lock(&stripe.mutex);
  // What was written while PostgreSQL was being read may be missing in what it told.
  if (stripe.writes != writes) {
    const SharedBytes copy = cache_.Peek(viewer).value;
    if (copy == nullptr) return items;  // nor is it in a copy: the next reading makes one
    const ViewerItems held = ItemsOf(copy);
    for (const ViewerItem& item : held.all()) items.Merge(item);
  }
  cache_.Put(viewer, BytesOf(items));
  return items;
}

void ViewerData::MergeIntoCopy(const std::string& viewer, const std::vector<ViewerItem>& items) {
  Stripe& stripe = StripeOf(viewer);
  absl::MutexLock lock(&stripe.mutex);
  ++stripe.writes;
  const SharedBytes bytes = cache_.Peek(viewer).value;
  if (bytes == nullptr) return;
  ViewerItems copy = ItemsOf(bytes);
  for (const ViewerItem& item : items) copy.Merge(item);
  cache_.Put(viewer, BytesOf(copy));
}

ViewerData::Loaded ViewerData::Load(const std::string& viewer, Deadline deadline) {
  if (!database_.usable()) {
    return {WithPending(viewer, cache_.Peek(viewer).value), /*degraded=*/true};
  }
  // Before PostgreSQL is read: what is delivered meanwhile is in neither otherwise.
  std::vector<ViewerItem> waiting = PendingOf(viewer);
  std::uint64_t writes = 0;
  {
    Stripe& stripe = StripeOf(viewer);
    absl::MutexLock lock(&stripe.mutex);
    writes = stripe.writes;
  }
  auto stored = store_.LoadViewer(deadline.AtMost(kStoreTimeout, clock_), viewer);
  if (!stored.ok()) return {WithPending(viewer, cache_.Peek(viewer).value), /*degraded=*/true};
  auto items = std::make_shared<ViewerItems>(KeepCopy(viewer, *std::move(stored), writes));
  for (ViewerItem& item : waiting) items->Merge(std::move(item));
  for (ViewerItem& item : PendingOf(viewer)) items->Merge(std::move(item));
  return {std::move(items), /*degraded=*/false};
}

std::shared_ptr<const ViewerItems> ViewerData::Known(const std::string& viewer) {
  const SharedBytes bytes = cache_.Peek(viewer).value;
  auto items = WithPending(viewer, bytes);
  return bytes == nullptr && items->all().empty() ? nullptr : std::move(items);
}

ViewerData::HistoryPage ViewerData::History(const std::string& viewer, const ItemPosition& after,
                                            std::size_t limit, Deadline deadline) {
  HistoryPage page{.degraded = true};
  std::map<std::string, ViewerItem> entries;  // by key, each once
  const auto take = [&](ViewerItem item) {
    if (item.kind != ViewerItem::Kind::kHistory || PositionOf(item) >= after) return;
    const auto [it, added] = entries.try_emplace(item.key, item);
    if (!added && IsNewer(item, it->second)) it->second = std::move(item);
  };
  std::vector<ViewerItem> waiting = PendingOf(viewer);
  if (database_.usable()) {
    auto stored =
        store_.LoadHistory(deadline.AtMost(kStoreTimeout, clock_), viewer, after, limit + 1);
    page.degraded = !stored.ok();
    if (stored.ok()) {
      for (ViewerItem& item : *stored) take(std::move(item));
    }
  }
  if (page.degraded) {
    const ViewerItems copy = ItemsOf(cache_.Peek(viewer).value);
    for (const ViewerItem& item : copy.all()) take(item);
  }
  for (ViewerItem& item : waiting) take(std::move(item));
  for (auto& [key, item] : entries) {
    if (item.text) page.items.push_back(std::move(item));
  }
  std::sort(page.items.begin(), page.items.end(),
            [](const ViewerItem& a, const ViewerItem& b) { return PositionOf(a) > PositionOf(b); });
  page.more = page.items.size() > limit;
  if (page.more) page.items.resize(limit);
  return page;
}

absl::StatusOr<ViewerData::Written> ViewerData::Save(const std::string& viewer,
                                                     std::vector<ViewerItem> items, Path path,
                                                     Deadline deadline) {
  const bool ours = items.empty() || items.front().at_ms == 0;
  for (ViewerItem& item : items) {
    if (!IsItemKey(item.key)) return InvalidArgument("an item with a key that cannot be kept");
    if (item.text && item.text->size() > kLongestItemText) {
      return InvalidArgument("{} bytes are too much for one item", item.text->size());
    }
    if (!ours) continue;
    item.at_ms = EpochMillis(clock_.Now());
    item.sequence = sequence_.fetch_add(1);
  }
  const ItemTimes times = ours ? ItemTimes::kOurs : ItemTimes::kDevices;
  if (path == Path::kDatabaseFirst && database_.usable()) {
    auto held =
        store_.WriteViewerItems(deadline.AtMost(kStoreTimeout, clock_), viewer, items, times);
    if (held.ok()) {
      MergeIntoCopy(viewer, *held);
      return Written{.degraded = false, .held = *std::move(held)};
    }
    const bool refused =
        absl::IsFailedPrecondition(held.status()) || absl::IsInvalidArgument(held.status());
    if (refused) return held.status();
    auto written = SaveToSpool(viewer, std::move(items), times);
    if (written.ok()) written->degraded = true;
    return written;
  }
  return SaveToSpool(viewer, std::move(items), times);
}

absl::StatusOr<ViewerData::Written> ViewerData::SaveToSpool(const std::string& viewer,
                                                            std::vector<ViewerItem> items,
                                                            ItemTimes times) {
  // One after the other: the second must see what the first made of the time.
  Written written{.degraded = !database_.usable()};
  std::vector<ViewerItem> wanted;
  {
    Stripe& stripe = StripeOf(viewer);
    absl::MutexLock lock(&stripe.mutex);
    const std::shared_ptr<ViewerItems> known = WithPending(viewer, cache_.Peek(viewer).value);
    std::size_t more = 0;
    for (ViewerItem& item : items) {
      const ViewerItem* latest = known->FindLatest(item.kind, item.key);
      if (latest != nullptr && times == ItemTimes::kOurs) {
        // Never before what is shown, whatever the clocks of the instances say.
        item.at_ms = std::max(item.at_ms, latest->at_ms + 1);
      }
      const bool news = latest == nullptr || IsNewer(item, *latest);
      const bool there = latest != nullptr && latest->text;
      written.held.push_back(news ? item : *latest);
      if (!news) continue;
      if (item.text && !there && item.kind != ViewerItem::Kind::kHistory) ++more;
      wanted.push_back(std::move(item));
    }
    if (more > 0 && known->CountLimited() + more > kMaxViewerItems) {
      return FailedPrecondition("the viewer has {} items already", known->CountLimited());
    }
    if (PendingOf(viewer).size() + wanted.size() > kMostWaiting) {
      return ResourceExhausted("too much of one viewer waits for the database");
    }
    HOLDFAST_RETURN_IF_ERROR(Spool(viewer, wanted));
  }
  MergeIntoCopy(viewer, wanted);
  return written;
}

absl::Status ViewerData::Spool(const std::string& viewer, const std::vector<ViewerItem>& items) {
  if (items.empty()) return absl::OkStatus();
  for (const ViewerItem& item : items) {
    HOLDFAST_RETURN_IF_ERROR(spool_.Append(ToProto(viewer, item).SerializeAsString()));
  }
  absl::MutexLock lock(&mutex_);
  std::vector<ViewerItem>& waiting = pending_[viewer];
  waiting.insert(waiting.end(), items.begin(), items.end());
  return absl::OkStatus();
}

std::int64_t ViewerData::NewHistoryId() {
  return EpochMillis(clock_.Now()) * kSequences + sequence_.fetch_add(1) % kSequences;
}

void ViewerData::LoadFromDisk() {
  const absl::Status status = cache_.LoadFromDisk();
  if (!status.ok() && !absl::IsNotFound(status)) {
    telemetry::Log(telemetry::Warning, "copies of viewers not usable",
                   {{"error", ToString(status)}});
  }
  // Looks at all records and forgets none: an error keeps them.
  spool_
      .Drain(std::numeric_limits<int>::max(),
             [this](const std::vector<std::string>& records) -> absl::Status {
               absl::MutexLock lock(&mutex_);
               for (ViewerItemWrite& write : Parse(records)) {
                 pending_[write.viewer].push_back(std::move(write.item));
               }
               return Unavailable("only looking");
             })
      .IgnoreError();
}

absl::Status ViewerData::Flush(Deadline deadline) {
  if (!database_.usable()) return absl::OkStatus();
  while (spool_.pending_records() > 0) {
    HOLDFAST_ASSIGN_OR_RETURN(
        const int delivered,
        spool_.Drain(kReplayBatch, [&](const std::vector<std::string>& records) -> absl::Status {
          const std::vector<ViewerItemWrite> writes = Parse(records);
          HOLDFAST_RETURN_IF_ERROR(Deliver(writes, deadline));
          ForgetPending(writes);
          return absl::OkStatus();
        }));
    if (delivered == 0) break;
  }
  return absl::OkStatus();
}

absl::Status ViewerData::Deliver(const std::vector<ViewerItemWrite>& writes, Deadline deadline) {
  const absl::Status all = store_.SaveViewerItems(deadline, writes);
  if (!absl::IsInvalidArgument(all)) return all;
  // What PostgreSQL can never take must not hold up the rest.
  for (const ViewerItemWrite& write : writes) {
    const absl::Status one = store_.SaveViewerItems(deadline, {write});
    if (!one.ok() && !absl::IsInvalidArgument(one)) return one;
    if (!one.ok()) {
      telemetry::Log(telemetry::Error, "an item of a viewer can never be stored",
                     {{"viewer", write.viewer}, {"error", ToString(one)}});
    }
  }
  return absl::OkStatus();
}

absl::Status ViewerData::ForgetRemoved(Deadline deadline) {
  if (!database_.usable()) return absl::OkStatus();
  const std::int64_t before = EpochMillis(clock_.Now() - kRememberRemovals);
  while (true) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::int64_t forgotten,
                              store_.ForgetRemovedItems(deadline, before, kForgetAtOnce));
    if (forgotten < kForgetAtOnce) return absl::OkStatus();
  }
}

void ViewerData::ForgetPending(const std::vector<ViewerItemWrite>& delivered) {
  absl::MutexLock lock(&mutex_);
  for (const ViewerItemWrite& write : delivered) {
    const auto it = pending_.find(write.viewer);
    if (it == pending_.end()) continue;
    std::erase(it->second, write.item);
    if (it->second.empty()) pending_.erase(it);
  }
}

}  // namespace holdfast::middleware
