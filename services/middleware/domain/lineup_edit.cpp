#include "services/middleware/domain/lineup_edit.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "libs/base/status.h"

namespace holdfast::middleware {
namespace {

constexpr std::size_t kLongestText = 1000;
constexpr std::size_t kLongestName = 200;
constexpr std::size_t kLongestPackage = 100;
bool HasControl(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; });
}

absl::Status CheckText(std::string_view field, std::string_view text, std::size_t most) {
  if (text.size() > most) return InvalidArgument("{} is longer than {} bytes", field, most);
  if (HasControl(text)) return InvalidArgument("{} has control characters", field);
  if (CleanUtf8(text) != text) return InvalidArgument("{} is not UTF-8", field);
  return absl::OkStatus();
}

absl::Status CheckChannel(const Channel& c) {
  if (c.name.empty()) return InvalidArgument("name is empty");
  HOLDFAST_RETURN_IF_ERROR(CheckText("name", c.name, kLongestName));
  HOLDFAST_RETURN_IF_ERROR(CheckText("epg_channel_id", c.guide_id, kLongestText));
  HOLDFAST_RETURN_IF_ERROR(CheckText("logo_url", c.logo, kLongestText));
  HOLDFAST_RETURN_IF_ERROR(CheckText("package_id", c.package.value(), kLongestPackage));
  if (c.number < 0 || c.number > kHighestChannelNumber) {
    return InvalidArgument("number is not from 1 to {}", kHighestChannelNumber);
  }
  if (!IsStreamDirectory(c.directory)) {
    return InvalidArgument("directory has not the form live/<stream>");
  }
  return CheckCatchUp({c.id, c.catch_up_hours, c.catch_up_source});
}

int FreeNumber(const StoredLineup& stored) {
  int highest = 0;
  for (const Channel& c : stored.channels) {
    if (!c.removed) highest = std::max(highest, c.number);
  }
  return highest + 1;
}

const Genre* FindGenre(const StoredLineup& stored, GenreId id) {
  const auto it = std::find_if(stored.genres.begin(), stored.genres.end(),
                               [&](const Genre& g) { return g.id == id; });
  return it == stored.genres.end() ? nullptr : &*it;
}

// The genre that adult channels have; planned if it is not there yet.
void UseAdultGenre(const StoredLineup& stored, Channel& channel, LineupImport& plan) {
  const auto named = std::find_if(stored.genres.begin(), stored.genres.end(),
                                  [](const Genre& g) { return g.title == kAdultTitle; });
  channel.genre = named == stored.genres.end() ? kAdultGenre : named->id;
  if (named == stored.genres.end())
    plan.put_genres.push_back({kAdultGenre, std::string(kAdultTitle)});
}

// Each group once, and the first one not again.
absl::Status CheckOtherGenres(const StoredLineup& stored, Channel& channel) {
  if (channel.adult) channel.other_genres.clear();
  std::vector<GenreId> kept;
  for (const GenreId id : channel.other_genres) {
    const Genre* genre = FindGenre(stored, id);
    if (genre == nullptr) return InvalidArgument("other_genre_ids {} is unknown", id.value());
    if (genre->title == kAdultTitle) {
      return InvalidArgument("other_genre_ids {} is the adult group: set adult", id.value());
    }
    const bool again = id == channel.genre || std::find(kept.begin(), kept.end(), id) != kept.end();
    if (!again) kept.push_back(id);
  }
  if (kept.size() + 1 > kMostGroups) {
    return InvalidArgument("other_genre_ids has more than {} groups", kMostGroups - 1);
  }
  channel.other_genres = std::move(kept);
  return absl::OkStatus();
}

std::string_view Truth(bool value) { return value ? "true" : "false"; }

std::vector<LineupChange::Field> Differences(const Channel& before, const Channel& after) {
  std::vector<LineupChange::Field> fields;
  const auto compare = [&](std::string_view name, std::string a, std::string b) {
    if (a != b) fields.push_back({std::string(name), std::move(a), std::move(b)});
  };
  const auto number = [](std::int64_t n) { return std::to_string(n); };
  compare("number", number(before.number), number(after.number));
  compare("name", before.name, after.name);
  compare("epg_channel_id", before.guide_id, after.guide_id);
  compare("logo_url", before.logo, after.logo);
  compare("genre_id", number(before.genre.value()), number(after.genre.value()));
  const auto ids = [&](const std::vector<GenreId>& genres) {
    std::string text;
    for (const GenreId id : genres) text += (text.empty() ? "" : ",") + number(id.value());
    return text;
  };
  compare("other_genre_ids", ids(before.other_genres), ids(after.other_genres));
  compare("directory", before.directory, after.directory);
  compare("package_id", before.package.value(), after.package.value());
  compare("encrypted", std::string(Truth(before.encrypted)), std::string(Truth(after.encrypted)));
  compare("adult", std::string(Truth(before.adult)), std::string(Truth(after.adult)));
  compare("hd", std::string(Truth(before.hd)), std::string(Truth(after.hd)));
  compare("down", std::string(Truth(before.monitoring.down)),
          std::string(Truth(after.monitoring.down)));
  compare("catch_up_hours", number(before.catch_up_hours), number(after.catch_up_hours));
  compare("catch_up_source", before.catch_up_source, after.catch_up_source);
  compare("catch_up_since", number(before.catch_up_since), number(after.catch_up_since));
  return fields;
}

}  // namespace

absl::StatusOr<LineupImport> PlanPutChannel(const StoredLineup& stored, Channel wanted,
                                            WallTime now) {
  LineupImport plan;
  plan.based_on = stored.revision;
  const Channel* before = nullptr;
  if (wanted.id.value() != 0) {
    before = FindStored(stored, wanted.id);
    if (before == nullptr) return NotFound("channel_id {} is unknown", wanted.id.value());
  }
  if (wanted.package.value().empty()) wanted.package = PackageId("basic");
  if (wanted.catch_up_hours == 0) wanted.catch_up_source.clear();
  HOLDFAST_RETURN_IF_ERROR(CheckChannel(wanted));
  if (wanted.number == 0) wanted.number = before == nullptr ? FreeNumber(stored) : before->number;
  if (wanted.number > kHighestChannelNumber) {
    return FailedPrecondition("number: there is no free one");
  }
  for (const Channel& other : stored.channels) {
    if (!other.removed && other.id != wanted.id && other.number == wanted.number) {
      return AlreadyExists("number {} is taken by channel {}", wanted.number, other.id.value());
    }
  }
  if (wanted.adult) {
    UseAdultGenre(stored, wanted, plan);
  } else if (FindGenre(stored, wanted.genre) == nullptr) {
    return InvalidArgument("genre_id {} is unknown", wanted.genre.value());
  }
  HOLDFAST_RETURN_IF_ERROR(CheckOtherGenres(stored, wanted));
  // For monitoring alone to say.
  wanted.monitoring = before == nullptr ? Monitoring() : before->monitoring;
  if (before == nullptr) {
    std::int64_t last = 0;
    for (const Channel& c : stored.channels) last = std::max(last, c.id.value());
    wanted.id = ChannelId(last + 1);
  }
  wanted.catch_up_since = CatchUpSince(
      before, wanted, wanted.catch_up_since > 0 ? wanted.catch_up_since : -1, EpochSeconds(now));
  wanted.removed = false;
  wanted.modified_at = before == nullptr ? 0 : before->modified_at;
  if (before != nullptr && wanted == *before) {
    plan.unchanged = 1;
    return plan;
  }
  wanted.modified_at = EpochSeconds(now);
  ++(before == nullptr ? plan.added : plan.changed);
  plan.put_channels.push_back(std::move(wanted));
  return plan;
}

absl::StatusOr<LineupImport> PlanRemoveChannel(const StoredLineup& stored, ChannelId id,
                                               WallTime now) {
  const Channel* before = FindStored(stored, id);
  if (before == nullptr) return NotFound("channel_id {} is unknown", id.value());
  LineupImport plan;
  plan.based_on = stored.revision;
  plan.removed = 1;
  Channel gone = *before;
  gone.removed = true;
  gone.modified_at = EpochSeconds(now);
  plan.put_channels.push_back(std::move(gone));
  return plan;
}

absl::StatusOr<LineupImport> PlanMonitoring(const StoredLineup& stored,
                                            absl::Span<const ChannelId> ids, bool down,
                                            WallTime now) {
  LineupImport plan;
  plan.based_on = stored.revision;
  for (const ChannelId id : std::set<ChannelId>(ids.begin(), ids.end())) {
    const Channel* before = FindStored(stored, id);
    if (before == nullptr) return NotFound("channel_id {} is unknown", id.value());
    if (before->monitoring.down == down) {
      ++plan.unchanged;
      continue;
    }
    Channel after = *before;
    after.monitoring = {down, EpochSeconds(now)};
    ++plan.changed;
    plan.put_channels.push_back(std::move(after));
  }
  return plan;
}

absl::StatusOr<LineupImport> PlanPutGenre(const StoredLineup& stored, Genre wanted) {
  if (wanted.title.empty()) return InvalidArgument("title is empty");
  HOLDFAST_RETURN_IF_ERROR(CheckText("title", wanted.title, kLongestName));
  if (wanted.title.find(kGroupSeparator) != std::string::npos) {
    return InvalidArgument("title has a ';', which stands between groups in playlists");
  }
  const Genre* before = nullptr;
  std::int64_t last = kAdultGenre.value();  // kept free: boxes look for adult channels there
  for (const Genre& g : stored.genres) {
    if (g.id == wanted.id) before = &g;
    if (g.id != wanted.id && g.title == wanted.title) {
      return AlreadyExists("title is taken by group {}", g.id.value());
    }
    last = std::max(last, g.id.value());
  }
  LineupImport plan;
  plan.based_on = stored.revision;
  if (wanted.id.value() == 0) {
    wanted.id = GenreId(last + 1);
  } else if (before == nullptr) {
    return NotFound("genre_id {} is unknown", wanted.id.value());
  } else if (before->title == wanted.title) {
    return plan;
  } else if (before->title == kAdultTitle) {
    return InvalidArgument("title of the adult group cannot change");
  }
  plan.put_genres.push_back(std::move(wanted));
  return plan;
}

std::vector<LineupChange> DescribeChanges(const StoredLineup& stored, const LineupImport& plan,
                                          std::size_t limit) {
  absl::flat_hash_map<ChannelId, const Channel*> before;
  for (const Channel& c : stored.channels) before[c.id] = &c;
  std::vector<LineupChange> changes;
  for (const Channel& after : plan.put_channels) {
    const auto it = before.find(after.id);
    const bool was_there = it != before.end() && !it->second->removed;
    LineupChange change{.channel = after.id, .number = after.number, .name = after.name};
    if (after.removed) {
      change.kind = LineupChange::Kind::kRemoved;
    } else if (was_there) {
      change.kind = LineupChange::Kind::kChanged;
      change.fields = Differences(*it->second, after);
    }
    changes.push_back(std::move(change));
  }
  std::stable_sort(
      changes.begin(), changes.end(),
      [](const LineupChange& a, const LineupChange& b) { return a.number < b.number; });
  if (changes.size() > limit) changes.resize(limit);
  return changes;
}

}  // namespace holdfast::middleware
