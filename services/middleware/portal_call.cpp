#include "services/middleware/portal_call.h"

#include <algorithm>

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

}  // namespace holdfast::middleware
