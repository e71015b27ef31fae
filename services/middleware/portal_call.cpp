#include "services/middleware/portal_call.h"

#include <algorithm>
#include <utility>

#include "libs/base/check.h"

namespace holdfast::middleware {
namespace {

constexpr std::size_t kLongestName = 64;

}  // namespace

std::string_view NameOf(Neighbour neighbour) {
  switch (neighbour) {
    case Neighbour::kBilling:
      return "billing";
    case Neighbour::kEpg:
      return "epg";
    case Neighbour::kCdnRouting:
      return "cdn_routing";
    case Neighbour::kAnalytics:
      return "analytics";
    case Neighbour::kPostgres:
      return "postgres";
    case Neighbour::kRedis:
      return "redis";
  }
  return "";
}

const ActionTable::Entry* ActionTable::Find(std::string_view type, std::string_view action) const {
  if (type.size() > kLongestName || action.size() > kLongestName) return nullptr;
  char key[2 * kLongestName + 1];
  char* end = std::copy(type.begin(), type.end(), key);
  *end++ = '/';
  end = std::copy(action.begin(), action.end(), end);
  return holdfast::Find(entries_, std::string_view(key, static_cast<std::size_t>(end - key)));
}

void ActionTable::Wrap(std::string_view type, std::string_view action,
                       const std::function<PortalAction(PortalAction)>& wrap) {
  Entry* entry = holdfast::Find(entries_, std::string(type) + '/' + std::string(action));
  HOLDFAST_CHECK(entry != nullptr);
  entry->action = wrap(std::move(entry->action));
}

std::vector<std::string> ActionTable::Names() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries_) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace holdfast::middleware
