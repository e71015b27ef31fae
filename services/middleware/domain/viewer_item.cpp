#include "services/middleware/domain/viewer_item.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace holdfast::middleware {
namespace {

bool ByKindAndKey(const ViewerItem& a, const ViewerItem& b) {
  return std::tie(a.kind, a.key) < std::tie(b.kind, b.key);
}

}  // namespace

bool IsNewer(const ViewerItem& a, const ViewerItem& b) {
  return std::tie(a.at_ms, a.sequence) > std::tie(b.at_ms, b.sequence);
}

ViewerItems::ViewerItems(std::vector<ViewerItem> items) {
  for (ViewerItem& item : items) Merge(std::move(item));
}

const ViewerItem* ViewerItems::Find(ViewerItem::Kind kind, std::string_view key) const {
  const ViewerItem wanted{.kind = kind, .key = std::string(key), .text = {}};
  const auto it = std::lower_bound(items_.begin(), items_.end(), wanted, ByKindAndKey);
  const bool there =
      it != items_.end() && it->kind == kind && it->key == key && it->text.has_value();
  return there ? &*it : nullptr;
}

std::vector<const ViewerItem*> ViewerItems::Newest(ViewerItem::Kind kind) const {
  std::vector<const ViewerItem*> found;
  for (const ViewerItem& item : items_) {
    if (item.kind == kind && item.text) found.push_back(&item);
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const ViewerItem* a, const ViewerItem* b) { return IsNewer(*a, *b); });
  return found;
}

void ViewerItems::Merge(ViewerItem item) {
  const auto it = std::lower_bound(items_.begin(), items_.end(), item, ByKindAndKey);
  if (it != items_.end() && it->kind == item.kind && it->key == item.key) {
    if (IsNewer(item, *it)) *it = std::move(item);
    return;
  }
  if (items_.size() >= kMaxViewerItems) return;
  const bool history = item.kind == ViewerItem::Kind::kHistory;
  items_.insert(it, std::move(item));
  if (history) ShortenHistory();
}

void ViewerItems::ShortenHistory() {
  const std::vector<const ViewerItem*> entries = Newest(ViewerItem::Kind::kHistory);
  if (entries.size() <= kMaxHistory) return;
  items_.erase(items_.begin() + (entries.back() - items_.data()));
}

std::string ViewerOf(const Device& device) {
  return device.account.value().empty() ? "mac:" + device.mac : device.account.value();
}

}  // namespace holdfast::middleware
