#include "services/middleware/domain/lineup_import.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "libs/base/status.h"
#include "libs/base/string_map.h"
#include "services/middleware/domain/catch_up.h"
#include "services/middleware/domain/lineup_edit.h"

namespace holdfast::middleware {
namespace {

constexpr const char* kHdWords[] = {"HD", "FHD", "UHD", "4K"};
constexpr int kLongestCatchUpDays = 60;
constexpr int kCatchUpDaysWhenNotSaid = 7;
constexpr std::string_view kDefaultPackage = "basic";
constexpr std::size_t kLongestName = 200;  // bytes
constexpr std::size_t kLongestCatchUpSource = 1000;

bool IsDirectoryByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

bool IsDirectoryPart(std::string_view part) {
  return !part.empty() && part.size() <= 100 && part != "." && part != ".." &&
         std::all_of(part.begin(), part.end(), IsDirectoryByte);
}

// "http://host/live/news-1/index.m3u8?x" -> "live/news-1"; "" if the address has another form.
std::string_view DirectoryOf(std::string_view address) {
  const std::size_t scheme = address.find("://");
  if (scheme == std::string_view::npos) return {};
  address.remove_prefix(scheme + 3);
  address = address.substr(0, address.find_first_of("?#"));
  const std::size_t first = address.find('/');
  const std::size_t last = address.rfind('/');
  if (first == std::string_view::npos || last <= first + 1) return {};
  const std::string_view directory = address.substr(first + 1, last - first - 1);
  return IsStreamDirectory(directory) ? directory : std::string_view();
}

template <class Number>
Number ParseNumber(std::string_view text, Number otherwise) {
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : otherwise;
}

int ParseInt(std::string_view text, int otherwise) { return ParseNumber(text, otherwise); }

bool IsOn(std::string_view value) { return value == "1" || value == "true" || value == "yes"; }

std::string_view CatchUpKind(const M3uEntry& entry) {
  const std::string_view kind = entry.Attribute("catchup");
  return kind.empty() ? entry.Attribute("catchup-type") : kind;
}

int CatchUpHours(const M3uEntry& entry) {
  const std::string_view kind = CatchUpKind(entry);
  const int hours = ParseInt(entry.Attribute("holdfast-catchup-hours"), 0);
  if (hours > 0) return std::min(hours, kLongestCatchUpDays * 24);
  int days = ParseInt(entry.Attribute("catchup-days"), 0);
  if (days <= 0) days = ParseInt(entry.Attribute("tvg-rec"), 0);
  if (days <= 0 && !kind.empty() && kind != "0" && kind != "none") days = kCatchUpDaysWhenNotSaid;
  return std::clamp(days, 0, kLongestCatchUpDays) * 24;
}

// See Channel::catch_up_source. Edges of ours understand the forms of Flussonic and XC panels.
std::string_view CatchUpSource(const M3uEntry& entry) {
  const std::string_view kind = CatchUpKind(entry);
  if (kind == "shift" || kind == "timeshift") return "?utc={utc}&lutc={lutc}";
  if (kind == "xc" || kind.starts_with("fs") || kind.starts_with("flussonic")) return {};
  return entry.Attribute("catchup-source");
}

// Boxes cut addresses at spaces.
bool IsUsableInAddress(std::string_view text) {
  return text.size() <= kLongestCatchUpSource && std::none_of(text.begin(), text.end(), [](char c) {
           return static_cast<unsigned char>(c) <= ' ' || c == '"' || c == 0x7f;
         });
}

// Cuts at a whole UTF-8 sequence.
std::string Shorten(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return std::string(text);
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xc0) == 0x80) --bytes;
  return std::string(text.substr(0, bytes));
}

// The groups of "News;HD". A text that is a known group as a whole is that group.
std::vector<std::string> GroupsIn(std::string_view text, const StringMap<GenreId>& known) {
  if (Find(known, text) != nullptr) return {std::string(text)};
  std::vector<std::string> groups;
  while (!text.empty() && groups.size() < kMostGroups) {
    const std::size_t end = std::min(text.find(kGroupSeparator), text.size());
    const std::string group(absl::StripAsciiWhitespace({text.data(), end}));
    text.remove_prefix(std::min(end + 1, text.size()));
    const bool again = std::find(groups.begin(), groups.end(), group) != groups.end();
    if (!group.empty() && !again) groups.push_back(group);
  }
  return groups;
}

bool IsAdultGroup(const std::string& group) {
  return absl::EqualsIgnoreCase(group, absl::string_view(kAdultTitle.data(), kAdultTitle.size()));
}

// "Sport HD", "Sport (FHD)"; a channel of that name alone is called so.
bool EndsInHd(std::string_view name) {
  while (!name.empty() && (name.back() == ')' || name.back() == ']')) name.remove_suffix(1);
  const std::size_t before = name.find_last_of(" -_([|");
  return before != std::string_view::npos && before > 0 && IsHdWord(name.substr(before + 1));
}

bool IsHd(const M3uEntry& entry, const std::vector<std::string>& groups) {
  const std::string_view said = entry.Attribute("holdfast-hd");
  if (!said.empty()) return IsOn(said);
  return EndsInHd(entry.name) || std::any_of(groups.begin(), groups.end(), IsHdWord);
}

// A usable entry: a channel without id and genre yet.
struct Wanted {
  int line = 0;
  int number = 0;                    // 0: the list names none
  int given_id = 0;                  // 0: the list names none
  std::vector<std::string> groups;   // not empty
  std::int64_t catch_up_since = -1;  // -1: the list does not say
  Channel channel;
};

class Planner {
 public:
  Planner(const StoredLineup& stored, WallTime now) : stored_(stored), now_(EpochSeconds(now)) {
    plan_.based_on = stored.revision;
    for (const Channel& c : stored.channels)
      next_channel_id_ = std::max(next_channel_id_, c.id.value() + 1);
    for (const Genre& g : stored.genres) {
      genres_[g.title] = g.id;
      next_genre_id_ = std::max(next_genre_id_, g.id.value() + 1);
    }
  }

  absl::StatusOr<LineupImport> Plan(const M3uList& list, LargeRemoval large_removal) && {
    plan_.problems = list.problems;
    Collect(list);
    if (wanted_.empty())
      return InvalidArgument("no usable channel in the list ({} problems)", plan_.problems.size());
    Recognise();
    GiveNumbers();
    for (std::size_t i = 0; i < wanted_.size(); ++i) Put(wanted_[i], recognised_[i]);
    HOLDFAST_RETURN_IF_ERROR(TakeOut(large_removal));
    std::stable_sort(plan_.problems.begin(), plan_.problems.end(),
                     [](const M3uProblem& a, const M3uProblem& b) { return a.line < b.line; });
    return std::move(plan_);
  }

 private:
  void Collect(const M3uList& list) {
    std::set<std::pair<std::string, std::string>> seen;  // name, directory
    absl::flat_hash_map<int, int> line_of_number;
    for (const M3uEntry& entry : list.entries) {
      const std::string_view directory = DirectoryOf(entry.address);
      if (directory.empty()) {
        Problem(entry.line, "the address has no directory of the form live/<stream>");
        continue;
      }
      if (!seen.emplace(entry.name, directory).second) {
        Problem(entry.line, "the same channel stands above");
        continue;
      }
      wanted_.push_back(ToWanted(entry, directory));
      Wanted& wanted = wanted_.back();
      if (wanted.number == 0) continue;
      const auto [it, fresh] = line_of_number.try_emplace(wanted.number, entry.line);
      if (!fresh) {
        Problem(entry.line, fmt::format("number {} is taken by line {}; another is given",
                                        wanted.number, it->second));
        wanted.number = 0;
      }
    }
  }

  Wanted ToWanted(const M3uEntry& entry, std::string_view directory) {
    Wanted wanted;
    wanted.line = entry.line;
    const std::string_view chno = entry.Attribute("tvg-chno");
    wanted.number = ParseInt(chno, 0);
    if (!chno.empty() && (wanted.number < 1 || wanted.number > kHighestChannelNumber)) {
      Problem(entry.line, "tvg-chno is not a number from 1 to 99999; another is given");
      wanted.number = 0;
    }
    wanted.given_id = std::max(ParseInt(entry.Attribute("holdfast-channel-id"), 0), 0);
    Channel& channel = wanted.channel;
    channel.name = Shorten(entry.name, kLongestName);
    channel.guide_id = entry.Attribute("tvg-id");
    channel.logo = entry.Attribute("tvg-logo");
    channel.directory = directory;
    channel.encrypted = IsOn(entry.Attribute("holdfast-encrypted"));
    wanted.groups = GroupsIn(entry.group, genres_);
    channel.adult = IsOn(entry.Attribute("holdfast-adult")) ||
                    std::any_of(wanted.groups.begin(), wanted.groups.end(), IsAdultGroup);
    channel.hd = IsHd(entry, wanted.groups);
    if (channel.adult) wanted.groups = {std::string(kAdultTitle)};
    if (wanted.groups.empty()) wanted.groups = {"Other"};
    channel.catch_up_hours = CatchUpHours(entry);
    wanted.catch_up_since =
        ParseNumber<std::int64_t>(entry.Attribute("holdfast-catchup-since"), -1);
    const std::string_view source = CatchUpSource(entry);
    if (!IsUsableInAddress(source)) {
      Problem(entry.line, "catchup-source is too long or has spaces; there is no catch-up");
      channel.catch_up_hours = 0;
    } else if (channel.catch_up_hours > 0) {
      channel.catch_up_source = source;
    }
    const std::string_view package = entry.Attribute("holdfast-package");
    channel.package = PackageId(std::string(package.empty() ? kDefaultPackage : package));
    return wanted;
  }

  // Finds for each wanted channel the stored one that it is, if any.
  void Recognise() {
    recognised_.assign(wanted_.size(), nullptr);
    MatchByGivenId();
    MatchBy([](const Channel& c) { return c.guide_id.empty() ? "" : c.guide_id + '\n' + c.name; });
    MatchBy([](const Channel& c) { return c.guide_id; });
    MatchBy([](const Channel& c) { return c.name; });
  }

  // The first line that names a known channel is that channel.
  void MatchByGivenId() {
    absl::flat_hash_map<std::int64_t, const Channel*> by_id;
    for (const Channel& c : stored_.channels) by_id[c.id.value()] = &c;
    for (std::size_t i = 0; i < wanted_.size(); ++i) {
      if (wanted_[i].given_id == 0) continue;
      const auto it = by_id.find(wanted_[i].given_id);
      if (it == by_id.end()) {
        Problem(wanted_[i].line, fmt::format("no channel has the id {}", wanted_[i].given_id));
      } else if (!used_.insert(it->second->id).second) {
        Problem(wanted_[i].line, fmt::format("the id {} stands above", wanted_[i].given_id));
      } else {
        recognised_[i] = it->second;
      }
    }
  }

  // Pairs what is left over on both sides where the key is not empty and unique on both.
  template <class Key>
  void MatchBy(const Key& key) {
    StringMap<std::vector<const Channel*>> stored_by_key;
    for (const Channel& c : stored_.channels) {
      if (used_.contains(c.id)) continue;
      stored_by_key[std::string(key(c))].push_back(&c);
    }
    StringMap<std::vector<std::size_t>> wanted_by_key;
    for (std::size_t i = 0; i < wanted_.size(); ++i) {
      if (recognised_[i] == nullptr)
        wanted_by_key[std::string(key(wanted_[i].channel))].push_back(i);
    }
    for (const auto& [k, indexes] : wanted_by_key) {
      const auto* candidates = Find(stored_by_key, k);
      if (k.empty() || candidates == nullptr) continue;
      if (indexes.size() != 1 || candidates->size() != 1) continue;
      recognised_[indexes.front()] = candidates->front();
      used_.insert(candidates->front()->id);
    }
  }

  // First the numbers that the list names, then those that channels already have, then free ones.
  void GiveNumbers() {
    std::set<int> taken;
    for (const Wanted& w : wanted_) {
      if (w.number != 0) taken.insert(w.number);
    }
    for (std::size_t i = 0; i < wanted_.size(); ++i) {
      const Channel* before = recognised_[i];
      if (wanted_[i].number != 0 || before == nullptr || before->removed) continue;
      if (taken.insert(before->number).second) wanted_[i].number = before->number;
    }
    int next = 1;
    for (Wanted& w : wanted_) {
      if (w.number == 0) {
        while (taken.contains(next)) ++next;
        w.number = next;
        taken.insert(next);
      }
      w.channel.number = w.number;
    }
  }

  void Put(Wanted& wanted, const Channel* before) {
    Channel& channel = wanted.channel;
    channel.genre = GenreOf(wanted.groups.front());
    for (std::size_t i = 1; i < wanted.groups.size(); ++i) {
      channel.other_genres.push_back(GenreOf(wanted.groups[i]));
    }
    if (before != nullptr && !before->removed) channel.monitoring = before->monitoring;
    channel.id = before == nullptr ? ChannelId(next_channel_id_++) : before->id;
    channel.catch_up_since = CatchUpSince(before, channel, wanted.catch_up_since, now_);
    channel.modified_at = before == nullptr ? now_ : before->modified_at;
    if (before != nullptr && channel == *before) {
      ++plan_.unchanged;
      return;
    }
    channel.modified_at = now_;
    ++(before == nullptr || before->removed ? plan_.added : plan_.changed);
    plan_.put_channels.push_back(channel);
  }

  GenreId GenreOf(std::string_view title) {
    if (const GenreId* known = Find(genres_, title)) return *known;
    GenreId id = kAdultGenre;
    if (title != kAdultTitle) {
      if (next_genre_id_ == kAdultGenre.value()) ++next_genre_id_;
      id = GenreId(next_genre_id_++);
    }
    genres_[std::string(title)] = id;
    plan_.put_genres.push_back({id, std::string(title)});
    return id;
  }

  absl::Status TakeOut(LargeRemoval large_removal) {
    int present = 0;
    for (const Channel& c : stored_.channels) {
      if (c.removed) continue;
      ++present;
      if (used_.contains(c.id)) continue;
      Channel gone = c;
      gone.removed = true;
      gone.modified_at = now_;
      plan_.put_channels.push_back(std::move(gone));
      ++plan_.removed;
    }
    if (large_removal == LargeRemoval::kRefuse && plan_.removed * 2 > present && present >= 4) {
      return FailedPrecondition("the list would remove {} of {} channels; allow it if it is meant",
                                plan_.removed, present);
    }
    return absl::OkStatus();
  }

  void Problem(int line, std::string what) { plan_.problems.push_back({line, std::move(what)}); }

  const StoredLineup& stored_;
  const std::int64_t now_;
  LineupImport plan_;
  std::vector<Wanted> wanted_;
  std::vector<const Channel*> recognised_;  // beside wanted_; null: new
  absl::flat_hash_set<ChannelId> used_;
  StringMap<GenreId> genres_;  // by title
  std::int64_t next_channel_id_ = 1;
  std::int64_t next_genre_id_ = 1;
};

// Inside an attribute's quotes.
std::string Quoted(std::string_view text) {
  std::string safe(text);
  std::replace(safe.begin(), safe.end(), '"', '\'');
  return safe;
}

std::string CatchUpAttributes(const Channel& channel) {
  if (channel.catch_up_hours <= 0) return "";
  const bool behind_live = PlaceOfCatchUp(channel.catch_up_source) == CatchUpPlace::kBehindLive;
  std::string text =
      fmt::format(" catchup=\"{}\" catchup-days=\"{}\"", behind_live ? "append" : "default",
                  (channel.catch_up_hours + 23) / 24);
  if (channel.catch_up_hours % 24 != 0) {
    text += fmt::format(" holdfast-catchup-hours=\"{}\"", channel.catch_up_hours);
  }
  if (!channel.catch_up_source.empty()) {
    text += fmt::format(" catchup-source=\"{}\"", channel.catch_up_source);
  } else {
    text += fmt::format(" holdfast-catchup-since=\"{}\"", channel.catch_up_since);
  }
  return text;
}

}  // namespace

bool IsHdWord(std::string_view word) {
  const absl::string_view text(word.data(), word.size());
  return std::any_of(std::begin(kHdWords), std::end(kHdWords),
                     [&](const char* hd) { return absl::EqualsIgnoreCase(text, hd); });
}

absl::StatusOr<LineupImport> PlanImport(const StoredLineup& stored, const M3uList& list,
                                        LargeRemoval large_removal, WallTime now) {
  return Planner(stored, now).Plan(list, large_removal);
}

std::int64_t CatchUpSince(const Channel* before, const Channel& after, std::int64_t said,
                          std::int64_t now) {
  if (after.catch_up_hours <= 0 || !after.catch_up_source.empty()) return 0;
  if (said >= 0) return said;
  const bool was_kept = before != nullptr && !before->removed && before->catch_up_hours > 0 &&
                        before->catch_up_source.empty();
  return was_kept ? before->catch_up_since : now;
}

bool IsStreamDirectory(std::string_view directory) {
  const std::size_t slash = directory.find('/');
  return slash != std::string_view::npos && IsDirectoryPart(directory.substr(0, slash)) &&
         IsDirectoryPart(directory.substr(slash + 1));
}

absl::Status CheckCatchUp(const CatchUpSetting& setting) {
  if (setting.hours < 0 || setting.hours > kLongestCatchUpDays * 24) {
    return InvalidArgument("catch_up_hours is not from 0 to {}", kLongestCatchUpDays * 24);
  }
  if (!IsUsableInAddress(setting.source)) {
    return InvalidArgument("catch_up_source is too long or has spaces");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ParseDirectory(std::string_view address) {
  std::string whole(address);
  if (whole.find("://") == std::string::npos) whole = "x://x/" + whole + "/x";
  const std::string_view directory = DirectoryOf(whole);
  if (!directory.empty()) return std::string(directory);
  return InvalidArgument("url is not like http://host/live/news-1/index.m3u8 or live/news-1");
}

const Channel* FindStored(const StoredLineup& stored, ChannelId id) {
  const auto it = std::find_if(stored.channels.begin(), stored.channels.end(),
                               [&](const Channel& c) { return c.id == id && !c.removed; });
  return it == stored.channels.end() ? nullptr : &*it;
}

absl::StatusOr<LineupImport> PlanCatchUp(const StoredLineup& stored, const CatchUpSetting& setting,
                                         WallTime now) {
  const Channel* before = FindStored(stored, setting.channel);
  if (before == nullptr) return NotFound("channel {} unknown", setting.channel.value());
  if (setting.hours < 0 || setting.hours > kLongestCatchUpDays * 24) {
    return InvalidArgument("hours is not from 0 to {}", kLongestCatchUpDays * 24);
  }
  if (!IsUsableInAddress(setting.source)) {
    return InvalidArgument("source is too long or has spaces");
  }
  LineupImport plan;
  plan.based_on = stored.revision;
  Channel after = *before;
  after.catch_up_hours = setting.hours;
  after.catch_up_source = setting.hours > 0 ? setting.source : "";
  after.catch_up_since = CatchUpSince(before, after, -1, EpochSeconds(now));
  if (after == *before) {
    plan.unchanged = 1;
    return plan;
  }
  after.modified_at = EpochSeconds(now);
  plan.changed = 1;
  plan.put_channels.push_back(std::move(after));
  return plan;
}

std::string ExportM3u(const Lineup& lineup, std::string_view base_url) {
  std::string m3u = "#EXTM3U\n";
  for (const Channel& c : lineup.channels()) {
    m3u += fmt::format(
        "#EXTINF:-1 tvg-id=\"{}\" tvg-chno=\"{}\" tvg-logo=\"{}\" group-title=\"{}\" "
        "holdfast-package=\"{}\"",
        Quoted(c.guide_id), c.number, Quoted(c.logo), Quoted(GenreTitles(lineup, c, ";")),
        Quoted(c.package.value()));
    m3u += CatchUpAttributes(c);
    if (c.encrypted) m3u += " holdfast-encrypted=\"1\"";
    m3u += c.hd ? " holdfast-hd=\"1\"" : " holdfast-hd=\"0\"";
    if (c.adult) m3u += " holdfast-adult=\"1\"";
    m3u += fmt::format(",{}\n{}/{}/index.m3u8\n", c.name, base_url, c.directory);
  }
  return m3u;
}

}  // namespace holdfast::middleware
