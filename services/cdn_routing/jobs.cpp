#include "services/cdn_routing/jobs.h"

#include <utility>

#include "libs/base/status.h"
#include "libs/replica/snapshot_file.h"
#include "libs/telemetry/log.h"
#include "services/cdn_routing/convert.h"

namespace holdfast::cdn_routing {
namespace {

constexpr Duration kRefreshTimeout = std::chrono::seconds(2);

// Commands are checked before they are stored; a row that somebody wrote by hand is not.
void DropUnusable(Inventory& inventory) {
  std::erase_if(inventory.edges, [](const Edge& edge) {
    const absl::Status status = Check(edge);
    if (!status.ok()) {
      telemetry::Log(telemetry::Error, "edge of the database left out",
                     {{"edge", edge.id.value()}, {"reason", ToString(status)}});
    }
    return !status.ok();
  });
}

}  // namespace

InventoryFollower::InventoryFollower(Store& store, std::string file, OnChange on_change,
                                     const Metrics& metrics, const Clock& clock)
    : store_(store),
      file_(std::move(file)),
      on_change_(std::move(on_change)),
      metrics_(metrics),
      clock_(clock),
      current_(std::make_shared<const Inventory>()),
      confirmed_at_(clock.SteadyNow()) {}

void InventoryFollower::LoadFromDisk() {
  absl::MutexLock lock(&refreshing_);
  const absl::StatusOr<std::string> content = replica::ReadSnapshot(file_);
  absl::StatusOr<Inventory> inventory =
      content.ok() ? FromFile(*content) : absl::StatusOr<Inventory>(content.status());
  if (inventory.ok()) return Take(*std::move(inventory));
  if (inventory.status().code() == absl::StatusCode::kNotFound) return;
  telemetry::Log(telemetry::Warning, "last inventory cannot be used",
                 {{"reason", ToString(inventory.status())}});
}

absl::Status InventoryFollower::Refresh(Deadline whole) {
  absl::MutexLock lock(&refreshing_);
  const Deadline deadline = whole.AtMost(kRefreshTimeout);
  HOLDFAST_ASSIGN_OR_RETURN(const std::uint64_t revision, store_.Revision(deadline));
  if (known() && revision == current()->revision) {
    Confirm();
    return absl::OkStatus();
  }
  HOLDFAST_ASSIGN_OR_RETURN(Inventory loaded, store_.Load(deadline));
  DropUnusable(loaded);
  if (!MayReplace(*current(), loaded)) {
    metrics_.inventory_refused.Add();
    return DataLoss("the database has no edges at revision {}, we hold {} of revision {}",
                    loaded.revision, current()->edges.size(), current()->revision);
  }
  telemetry::Log(telemetry::Info, "inventory changed",
                 {{"revision", loaded.revision}, {"edges", loaded.edges.size()}});
  if (const absl::Status saved = replica::WriteSnapshot(file_, ToFile(loaded)); !saved.ok()) {
    telemetry::Log(telemetry::Warning, "inventory not saved", {{"reason", ToString(saved)}});
  }
  Take(std::move(loaded));
  Confirm();
  return absl::OkStatus();
}

void InventoryFollower::Take(Inventory inventory) {
  auto taken = std::make_shared<const Inventory>(std::move(inventory));
  {
    absl::MutexLock lock(&mutex_);
    current_ = taken;
    known_ = true;
  }
  on_change_(*taken);
}

void InventoryFollower::Confirm() {
  absl::MutexLock lock(&mutex_);
  confirmed_at_ = clock_.SteadyNow();
}

std::shared_ptr<const Inventory> InventoryFollower::current() const {
  absl::MutexLock lock(&mutex_);
  return current_;
}

bool InventoryFollower::known() const {
  absl::MutexLock lock(&mutex_);
  return known_;
}

Duration InventoryFollower::age() const {
  absl::MutexLock lock(&mutex_);
  return clock_.SteadyNow() - confirmed_at_;
}

}  // namespace holdfast::cdn_routing
