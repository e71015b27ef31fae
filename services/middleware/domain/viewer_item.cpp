#include "services/middleware/domain/viewer_item.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace holdfast::middleware {
namespace {

constexpr std::size_t kLongestKey = 200;

bool ByKindAndKey(const ViewerItem& a, const ViewerItem& b) {
  return std::tie(a.kind, a.key) < std::tie(b.kind, b.key);
}

}  // namespace

bool IsNewer(const ViewerItem& a, const ViewerItem& b) {
  return std::tie(a.at_ms, a.sequence) > std::tie(b.at_ms, b.sequence);
}

bool IsItemKey(std::string_view key) {
  return !key.empty() && key.size() <= kLongestKey &&
         std::all_of(key.begin(), key.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                  c == '_' || c == '.' || c == ':' || c == '-';
         });
}

ItemPosition PositionOf(const ViewerItem& item) { return {item.at_ms, item.key}; }

ViewerItems::ViewerItems(std::vector<ViewerItem> items) {
  for (ViewerItem& item : items) Merge(std::move(item));
}

const ViewerItem* ViewerItems::Find(ViewerItem::Kind kind, std::string_view key) const {
  const ViewerItem* latest = FindLatest(kind, key);
  return latest != nullptr && latest->text ? latest : nullptr;
}

const ViewerItem* ViewerItems::FindLatest(ViewerItem::Kind kind, std::string_view key) const {
  const ViewerItem wanted{.kind = kind, .key = std::string(key), .text = {}};
  const auto it = std::lower_bound(items_.begin(), items_.end(), wanted, ByKindAndKey);
  const bool present = it != items_.end() && it->kind == kind && it->key == key;
  return present ? &*it : nullptr;
}

std::vector<const ViewerItem*> ViewerItems::Newest(ViewerItem::Kind kind) const {
  std::vector<const ViewerItem*> found;
  for (const ViewerItem& item : items_) {
    if (item.kind == kind && item.text) found.push_back(&item);
  }
  std::sort(found.begin(), found.end(), [](const ViewerItem* a, const ViewerItem* b) {
    return PositionOf(*a) > PositionOf(*b);
  });
  return found;
}

std::size_t ViewerItems::CountLimited() const {
  return static_cast<std::size_t>(std::count_if(
      items_.begin(), items_.end(),
      [](const ViewerItem& item) { return item.text && item.kind != ViewerItem::Kind::kHistory; }));
}

void ViewerItems::Merge(ViewerItem item) {
  const auto it = std::lower_bound(items_.begin(), items_.end(), item, ByKindAndKey);
  if (it != items_.end() && it->kind == item.kind && it->key == item.key) {
    if (IsNewer(item, *it)) *it = std::move(item);
    return;
  }
  const bool history = item.kind == ViewerItem::Kind::kHistory;
  items_.insert(it, std::move(item));
  if (history) ShortenHistory();
}

void ViewerItems::ShortenHistory() {
  // One kind is one stretch of what is sorted.
  std::size_t there = 0;
  auto oldest = items_.end();
  const ViewerItem begin{.kind = ViewerItem::Kind::kHistory, .key = "", .text = {}};
  for (auto it = std::lower_bound(items_.begin(), items_.end(), begin, ByKindAndKey);
       it != items_.end() && it->kind == ViewerItem::Kind::kHistory; ++it) {
    if (!it->text) continue;
    ++there;
    if (oldest == items_.end() || PositionOf(*it) < PositionOf(*oldest)) oldest = it;
  }
  if (there > kMaxHistory) items_.erase(oldest);
}

std::string ViewerOf(const Device& device) {
  return device.account.value().empty() ? "mac:" + device.mac : device.account.value();
}

}  // namespace holdfast::middleware
