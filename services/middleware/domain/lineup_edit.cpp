#include "services/middleware/domain/lineup_edit.h"

#include <algorithm>
#include <utility>

#include "libs/base/status.h"

namespace holdfast::middleware {
namespace {

constexpr int kHighestNumber = 99'999;
constexpr int kLongestCatchUpHours = 60 * 24;
constexpr std::size_t kLongestName = 200;  // bytes
constexpr std::string_view kAdultTitle = "Adult";

absl::Status CheckChannel(const Channel& wanted) {
  if (wanted.name.empty() || wanted.name.size() > kLongestName ||
      CleanUtf8(wanted.name) != wanted.name) {
    return InvalidArgument("name is empty, longer than {} bytes or not UTF-8", kLongestName);
  }
  if (wanted.number < 0 || wanted.number > kHighestNumber) {
    return InvalidArgument("number is not from 1 to {}", kHighestNumber);
  }
  if (wanted.catch_up_hours < 0 || wanted.catch_up_hours > kLongestCatchUpHours) {
    return InvalidArgument("catch-up hours are not from 0 to {}", kLongestCatchUpHours);
  }
  if (wanted.package.value().empty()) return InvalidArgument("package is empty");
  return absl::OkStatus();
}

absl::Status CheckIsAlone(const StoredLineup& stored, const Channel& wanted) {
  for (const Channel& other : stored.channels) {
    if (other.removed || other.id == wanted.id) continue;
    if (other.number == wanted.number) {
      return AlreadyExists("number {} is that of channel {}", wanted.number, other.id.value());
    }
    if (other.directory == wanted.directory) {
      return AlreadyExists("directory {} is that of channel {}", wanted.directory,
                           other.id.value());
    }
  }
  return absl::OkStatus();
}

int NextNumber(const StoredLineup& stored) {
  int highest = 0;
  for (const Channel& channel : stored.channels) {
    if (!channel.removed) highest = std::max(highest, channel.number);
  }
  return highest + 1;
}

GenreId GenreOf(const StoredLineup& stored, std::string_view title, LineupImport& plan) {
  if (title == kAdultTitle) {
    const bool there = std::any_of(stored.genres.begin(), stored.genres.end(),
                                   [](const Genre& g) { return g.id == kAdultGenre; });
    if (!there) plan.put_genres.push_back({kAdultGenre, std::string(title)});
    return kAdultGenre;
  }
  std::int64_t next = 1;
  for (const Genre& genre : stored.genres) {
    if (genre.title == title) return genre.id;
    next = std::max(next, genre.id.value() + 1);
  }
  if (next == kAdultGenre.value()) ++next;  // never another one's
  plan.put_genres.push_back({GenreId(next), std::string(title)});
  return GenreId(next);
}

}  // namespace

absl::StatusOr<LineupImport> PlanPutChannel(const StoredLineup& stored, Channel wanted,
                                            std::string_view genre_title, WallTime now) {
  LineupImport plan;
  plan.based_on = stored.revision;
  const Channel* before = nullptr;
  if (wanted.id.value() != 0) {
    before = FindStored(stored, wanted.id);
    if (before == nullptr) return NotFound("channel {} unknown", wanted.id.value());
  } else {
    std::int64_t next = 1;
    for (const Channel& c : stored.channels) next = std::max(next, c.id.value() + 1);
    wanted.id = ChannelId(next);
  }
  if (wanted.number == 0) wanted.number = before == nullptr ? NextNumber(stored) : before->number;
  HOLDFAST_ASSIGN_OR_RETURN(wanted.directory, ParseDirectory(wanted.directory));
  HOLDFAST_RETURN_IF_ERROR(CheckChannel(wanted));
  HOLDFAST_RETURN_IF_ERROR(CheckIsAlone(stored, wanted));
  if (genre_title.empty() || genre_title.size() > kLongestName) {
    return InvalidArgument("genre is empty or longer than {} bytes", kLongestName);
  }
  wanted.adult = wanted.adult || genre_title == kAdultTitle;
  wanted.genre = GenreOf(stored, wanted.adult ? kAdultTitle : genre_title, plan);
  wanted.removed = false;
  wanted.modified_at = before == nullptr ? 0 : before->modified_at;
  if (before != nullptr && *before == wanted) {
    plan.put_genres.clear();
    plan.unchanged = 1;
    return plan;
  }
  wanted.modified_at = EpochSeconds(now);
  (before == nullptr ? plan.added : plan.changed) = 1;
  plan.put_channels.push_back(std::move(wanted));
  return plan;
}

absl::StatusOr<LineupImport> PlanRemoveChannel(const StoredLineup& stored, ChannelId id,
                                               WallTime now) {
  const Channel* before = FindStored(stored, id);
  if (before == nullptr) return NotFound("channel {} unknown", id.value());
  LineupImport plan;
  plan.based_on = stored.revision;
  Channel after = *before;
  after.removed = true;
  after.modified_at = EpochSeconds(now);
  plan.removed = 1;
  plan.put_channels.push_back(std::move(after));
  return plan;
}

}  // namespace holdfast::middleware
