#include "services/middleware/viewer_data.h"

#include <algorithm>
#include <limits>
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

SharedBytes BytesOf(const ViewerItems& items) {
  v1::StoredViewerItems proto;
  for (const ViewerItem& item : items.all()) *proto.add_items() = ToProto("", item);
  return MakeShared(proto.SerializeAsString());
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

std::shared_ptr<ViewerItems> ViewerData::WithPending(const std::string& viewer,
                                                     const SharedBytes& bytes) {
  auto items = std::make_shared<ViewerItems>();
  v1::StoredViewerItems proto;
  if (bytes != nullptr && proto.ParseFromString(*bytes)) {
    for (const v1::StoredViewerItem& item : proto.items()) items->Merge(FromProto(item));
  }
  absl::MutexLock lock(&mutex_);
  if (const auto* waiting = Find(pending_, viewer)) {
    for (const ViewerItem& item : *waiting) items->Merge(item);
  }
  return items;
}

ViewerData::Loaded ViewerData::Load(const std::string& viewer, Deadline deadline) {
  if (database_.usable()) {
    auto stored = store_.LoadViewer(deadline.AtMost(kStoreTimeout, clock_), viewer);
    if (stored.ok()) {
      const SharedBytes bytes = BytesOf(ViewerItems(*std::move(stored)));
      cache_.Put(viewer, bytes);
      return {WithPending(viewer, bytes), /*degraded=*/false};
    }
  }
  return {WithPending(viewer, cache_.Peek(viewer).value), /*degraded=*/true};
}

std::shared_ptr<const ViewerItems> ViewerData::Known(const std::string& viewer) {
  const SharedBytes bytes = cache_.Peek(viewer).value;
  return bytes == nullptr ? nullptr : WithPending(viewer, bytes);
}

absl::Status ViewerData::Save(const std::string& viewer, std::vector<ViewerItem> items, Path path,
                              Deadline deadline) {
  const std::shared_ptr<ViewerItems> held = WithPending(viewer, cache_.Peek(viewer).value);
  std::vector<ViewerItemWrite> writes;
  for (ViewerItem& item : items) {
    // Never before what is shown, whatever the clocks of the instances say.
    const ViewerItem* shown = held->Find(item.kind, item.key);
    item.at_ms = std::max(EpochMillis(clock_.Now()), shown == nullptr ? 0 : shown->at_ms + 1);
    item.sequence = sequence_.fetch_add(1);
    if (item.text && item.text->size() > kLongestItemText) {
      return InvalidArgument("{} bytes are too much for one item", item.text->size());
    }
    writes.push_back({viewer, item});
  }
  const bool stored = path == Path::kDatabaseFirst && database_.usable() &&
                      store_.SaveViewerItems(deadline.AtMost(kStoreTimeout, clock_), writes).ok();
  if (!stored) HOLDFAST_RETURN_IF_ERROR(Spool(viewer, items));
  for (const ViewerItem& item : items) held->Merge(item);
  cache_.Put(viewer, BytesOf(*held));
  return absl::OkStatus();
}

absl::Status ViewerData::Spool(const std::string& viewer, const std::vector<ViewerItem>& items) {
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
          HOLDFAST_RETURN_IF_ERROR(store_.SaveViewerItems(deadline, writes));
          ForgetPending(writes);
          return absl::OkStatus();
        }));
    if (delivered == 0) break;
  }
  return absl::OkStatus();
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
