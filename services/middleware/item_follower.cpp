#include "services/middleware/item_follower.h"

#include <utility>
#include <vector>

#include "libs/base/status.h"

namespace holdfast::middleware {

using replica::Update;

absl::Status ItemFollower::Follow(const std::string& life, std::uint64_t revision,
                                  Deadline deadline) {
  const bool same_life = replica_.loaded() && replica_.epoch() == life;
  Update update{.kind = same_life ? Update::Kind::kDelta : Update::Kind::kFull,
                .epoch = life,
                .revision = revision};
  if (same_life && replica_.revision() == revision) {
    update.kind = Update::Kind::kHeartbeat;
    return replica_.Apply(update);
  }
  const std::uint64_t known = same_life ? replica_.revision() : 0;
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<StoredItem> items,
                            store_.ItemsSince(deadline, topic_, known));
  for (const StoredItem& item : items) {
    if (!item.content && !same_life) continue;
    update.items.emplace_back(item.key, item.content ? MakeShared(*item.content) : nullptr);
    update.revision = std::max(update.revision, item.revision);
  }
  HOLDFAST_RETURN_IF_ERROR(replica_.Apply(update));
  return replica_.SaveToDisk();
}

}  // namespace holdfast::middleware
