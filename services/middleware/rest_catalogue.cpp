#include "services/middleware/rest_catalogue.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <utility>

#include "services/middleware/domain/guide_id.h"
#include "services/middleware/domain/xtream_address.h"
#include "services/middleware/epg_rows.h"
#include "services/middleware/json_writer.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kHour = 3600;
constexpr std::int64_t kLongestWindow = 7 * 24 * kHour;
constexpr std::int64_t kLongestCatchUp = 24 * kHour;
constexpr std::size_t kLongestQuery = 100;
constexpr std::size_t kMostChannelsAsked = 1000;

Cursor PositionOf(const Channel& channel) { return {channel.number, channel.id.value()}; }

void AppendChannel(JsonWriter& json, const Channel& channel) {
  json.BeginObject().Key("id").String(channel.id.value());
  json.Field("number", channel.number).Field("name", channel.name).Field("logo", channel.logo);
  json.Key("genre_id").String(channel.genre.value());
  json.Key("genre_ids").BeginArray().String(channel.genre.value());
  for (const GenreId id : channel.other_genres) json.String(id.value());
  json.EndArray().Field("hd", channel.hd);
  json.Field("guide_id", ExportedGuideId(channel.guide_id));
  json.Field("adult", channel.adult).Field("encrypted", channel.encrypted);
  json.Field("catch_up_hours", channel.catch_up_hours).EndObject();
}

void AppendProgramme(JsonWriter& json, const Channel& channel, const Programme& programme,
                     std::int64_t now) {
  json.BeginObject().Field("id", RealId(channel.id, programme.start));
  json.Field("start", Rfc3339(programme.start)).Field("stop", Rfc3339(programme.stop));
  json.Field("title", programme.title).Field("sub_title", programme.sub_title);
  json.Field("description", programme.description).Field("category", programme.category);
  json.Field("episode", programme.episode).Field("icon", programme.icon);
  json.Field("catch_up", InArchive(channel, programme, now)).EndObject();
}

void AppendNext(JsonWriter& json, const std::optional<Cursor>& next) {
  json.Key("next_cursor");
  if (next) {
    json.String(ToText(*next));
  } else {
    json.Null();
  }
}

// Letters of ASCII in either case; other bytes as they are.
bool Contains(std::string_view text, std::string_view lower) {
  const auto same = [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + ('a' - 'A')) : a) == b;
  };
  return std::search(text.begin(), text.end(), lower.begin(), lower.end(), same) != text.end();
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return lower;
}

// The ids of "channels=1,2,3"; empty: all.
std::set<ChannelId> AskedChannels(const RestCall& call) {
  const std::vector<ChannelId> ids = ParseFavourites(call.Get("channels"));
  return {ids.begin(),
          ids.begin() + static_cast<std::ptrdiff_t>(std::min(ids.size(), kMostChannelsAsked))};
}

http::Response BadCursor() { return Problem(400, "bad-cursor", "cursor is none of a list"); }
http::Response BadLimit(int most) {
  return Problem(400, "bad-limit", fmt::format("limit is not from 1 to {}", most));
}

std::uint64_t ContentOf(const Channel& channel) {
  return static_cast<std::uint64_t>(channel.id.value());
}

StreamViewer ViewerOf(const RestCall& call) {
  return {call.account().value(), std::to_string(call.device->id)};
}

}  // namespace

std::vector<const Channel*> RestCatalogue::ChannelsOf(const RestCall& call,
                                                      const Lineup& lineup) const {
  return ChannelsOfApp(lineup, *call.knowledge.entitlement, adult_);
}

http::Response RestCatalogue::WithLineupAge(http::Response response) const {
  if (const auto age = StaleSince(parts_.models.lineup_replica())) {
    MarkDegraded(response, {{Neighbour::kPostgres, age}}, "rest", parts_.metrics);
  }
  return response;
}

http::Response RestCatalogue::WithGuideAge(http::Response response) const {
  if (const auto age = StaleSince(parts_.models.guide_replica())) {
    MarkDegraded(response, {{Neighbour::kEpg, age}}, "rest", parts_.metrics);
  }
  return WithLineupAge(std::move(response));
}

http::Response RestCatalogue::Genres(const RestCall& call) const {
  const auto lineup = parts_.models.lineup();
  const std::set<GenreId> present = GenresOf(ChannelsOf(call, *lineup));
  std::string text;
  JsonWriter json(text);
  json.BeginObject().Key("items").BeginArray();
  for (const Genre& genre : lineup->genres()) {
    if (!present.contains(genre.id)) continue;
    json.BeginObject().Key("id").String(genre.id.value());
    json.Field("title", genre.title).EndObject();
  }
  json.EndArray().EndObject();
  return WithLineupAge(JsonAnswer(call, std::move(text)));
}

http::Response RestCatalogue::Channels(const RestCall& call) const {
  const auto limit = NumberBetween(call, "limit", 100, 1, 1000);
  if (!limit) return BadLimit(1000);
  const std::optional<Cursor> after = ParseCursor(call.Get("cursor"));
  if (!after) return BadCursor();
  const auto lineup = parts_.models.lineup();
  const std::string_view genre = call.Get("genre");
  const bool known = genre.empty() || std::ranges::any_of(lineup->genres(), [&](const Genre& g) {
                       return std::to_string(g.id.value()) == genre;
                     });
  // Only what many ask for: anybody can make up positions and genres.
  if (!call.Get("cursor").empty() || !known) {
    return WithLineupAge(JsonAnswer(call, ChannelsText(call, *lineup, *after, *limit)));
  }
  const Entitlement& entitlement = *call.knowledge.entitlement;
  const std::string key = fmt::format("channels|{}|{}|{}|{}|{}", lineup->revision(), genre, *limit,
                                      entitlement.blocked() ? "!" : "", entitlement.packages.key());
  const auto body = parts_.bodies.GetOrMake(
      key, [&] { return JsonBody(ChannelsText(call, *lineup, *after, *limit)); });
  return WithLineupAge(JsonAnswer(call, *body));
}

std::string RestCatalogue::ChannelsText(const RestCall& call, const Lineup& lineup,
                                        const Cursor& after, std::int64_t limit) const {
  const std::string_view genre = call.Get("genre");
  const GenreId wanted = GenreId(ParseChannelId(genre).value());
  std::optional<Cursor> next, last;
  std::int64_t count = 0;
  std::string text;
  JsonWriter json(text);
  json.BeginObject().Key("items").BeginArray();
  for (const Channel* channel : ChannelsOf(call, lineup)) {
    if (PositionOf(*channel) <= after) continue;
    if (!genre.empty() && !channel->in_genre(wanted)) continue;
    if (count++ == limit) {
      next = last;
      break;
    }
    AppendChannel(json, *channel);
    last = PositionOf(*channel);
  }
  json.EndArray();
  AppendNext(json, next);
  json.EndObject();
  return text;
}

http::Response RestCatalogue::Guide(const RestCall& call) const {
  const std::int64_t now = EpochSeconds(call.now);
  const auto time = [&](std::string_view name, std::int64_t otherwise) {
    return call.Get(name).empty() ? std::optional(otherwise) : ParseCatchUpStart(call.Get(name));
  };
  const auto from = time("from", now);
  const auto to = time("to", from.value_or(now) + 3 * kHour);
  if (!from || !to || *to <= *from || *to - *from > kLongestWindow) {
    return Problem(400, "bad-window", "from and to are no window of at most seven days");
  }
  const auto limit = NumberBetween(call, "limit", 20, 1, 100);
  if (!limit) return BadLimit(100);
  const std::optional<Cursor> after = ParseCursor(call.Get("cursor"));
  if (!after) return BadCursor();
  const std::set<ChannelId> asked = AskedChannels(call);
  const auto lineup = parts_.models.lineup();
  const auto guide = parts_.models.guide();
  std::optional<Cursor> next, last;
  std::int64_t count = 0;
  std::string text;
  JsonWriter json(text);
  json.BeginObject().Key("items").BeginArray();
  for (const Channel* channel : ChannelsOf(call, *lineup)) {
    if (PositionOf(*channel) <= *after) continue;
    if (!asked.empty() && !asked.contains(channel->id)) continue;
    if (count++ == *limit) {
      next = last;
      break;
    }
    json.BeginObject().Key("channel_id").String(channel->id.value());
    json.Key("programmes").BeginArray();
    if (const ChannelSchedule* schedule = guide->ScheduleOf(channel->guide_id)) {
      for (const Programme& p : schedule->Between(*from, *to)) {
        AppendProgramme(json, *channel, p, now);
      }
    }
    json.EndArray().EndObject();
    last = PositionOf(*channel);
  }
  json.EndArray();
  AppendNext(json, next);
  json.EndObject();
  return WithGuideAge(JsonAnswer(call, std::move(text)));
}

http::Response RestCatalogue::Search(const RestCall& call) const {
  const std::string wanted = Lower(call.Get("q").substr(0, kLongestQuery));
  if (wanted.size() < 2) return Problem(400, "bad-query", "q is shorter than two letters");
  const auto limit = NumberBetween(call, "limit", 20, 1, 100);
  if (!limit) return BadLimit(100);
  const std::optional<Cursor> after = ParseCursor(call.Get("cursor"));
  if (!after) return BadCursor();
  struct Match {
    Cursor position;
    const Channel* channel = nullptr;
    const Programme* programme = nullptr;
  };
  const std::int64_t now = EpochSeconds(call.now);
  const auto lineup = parts_.models.lineup();
  const auto guide = parts_.models.guide();
  std::vector<Match> matches;
  for (const Channel* channel : ChannelsOf(call, *lineup)) {
    const ChannelSchedule* schedule = guide->ScheduleOf(channel->guide_id);
    if (schedule == nullptr) continue;
    // What can be watched: again, now or later.
    for (const Programme& p :
         schedule->Between(now - channel->catch_up_hours * kHour, now + 30 * 24 * kHour)) {
      const Cursor position{p.start, channel->id.value()};
      if (position <= *after) continue;
      if (Contains(p.title, wanted) || Contains(p.sub_title, wanted)) {
        matches.push_back({position, channel, &p});
      }
    }
  }
  const std::size_t shown = std::min(matches.size(), static_cast<std::size_t>(*limit));
  std::partial_sort(matches.begin(), matches.begin() + static_cast<std::ptrdiff_t>(shown),
                    matches.end(),
                    [](const Match& a, const Match& b) { return a.position < b.position; });
  std::string text;
  JsonWriter json(text);
  json.BeginObject().Key("items").BeginArray();
  for (std::size_t i = 0; i < shown; ++i) {
    json.BeginObject().Key("channel_id").String(matches[i].channel->id.value());
    json.Key("programme");
    AppendProgramme(json, *matches[i].channel, *matches[i].programme, now);
    json.EndObject();
  }
  json.EndArray();
  AppendNext(json,
             shown < matches.size() ? std::optional(matches[shown - 1].position) : std::nullopt);
  json.EndObject();
  return WithGuideAge(JsonAnswer(call, std::move(text)));
}

const Channel* RestCatalogue::ToPlay(const RestCall& call, const Lineup& lineup,
                                     http::Response& problem) const {
  const Channel* channel = lineup.FindChannel(ParseChannelId(call.parts.at(0)));
  if (channel == nullptr) {
    problem = Problem(404, "unknown-channel", "there is no such channel");
    return nullptr;
  }
  const Entitlement& entitlement = *call.knowledge.entitlement;
  const Verdict verdict = MayWatch(entitlement, *channel, call.now);
  if (FindForApp(lineup, entitlement, channel->id, adult_) != nullptr &&
      verdict == Verdict::kAllowed) {
    auto locked = channel->adult ? parts_.parental.Demand(call) : std::nullopt;
    if (!locked) return channel;
    problem = *std::move(locked);
    return nullptr;
  }
  problem = verdict == Verdict::kLapsed
                ? Problem(403, "lapsed", "the paid time is over")
                : Problem(403, "not-subscribed", "the channel is in no package of the account");
  return nullptr;
}

http::Response RestCatalogue::SendLink(const RestCall& call, const Channel& channel,
                                       const StreamLink& link) const {
  std::string text;
  JsonWriter json(text);
  json.BeginObject().Field("url", link.address).Field("format", "hls");
  json.Field("encrypted", channel.encrypted).EndObject();
  http::Response response = FreshJson(std::move(text));
  if (const auto age = parts_.links.EdgesStaleSince()) {
    MarkDegraded(response, {{Neighbour::kCdnRouting, age}}, "rest", parts_.metrics);
  }
  return parts_.streams.Marked(call, std::move(response));
}

http::Response RestCatalogue::LiveLink(const RestCall& call) const {
  const auto lineup = parts_.models.lineup();
  http::Response problem;
  const Channel* channel = ToPlay(call, *lineup, problem);
  if (channel == nullptr) {
    parts_.metrics.zaps.denied.Add();
    return problem;
  }
  PlaybackReport report;
  report.stream = channel->stream();
  report.model = call.client;
  report.account = call.account().value();
  report.at_ms = EpochMillis(call.now);
  std::optional<StreamLink> link = parts_.links.Live(*channel, ViewerOf(call), call.now);
  if (!link) {
    parts_.metrics.zaps.no_edge.Add();
    report.kind = PlaybackReport::Kind::kError;
    report.error = "no_edge";
    parts_.reporter.Report(std::move(report));
    return TryAgain("no edge can serve the channel");
  }
  if (auto refused = parts_.streams.Refuse(call, ContentOf(*channel))) {
    parts_.metrics.zaps.limit.Add();
    return *std::move(refused);
  }
  parts_.metrics.zaps.ok.Add();
  report.edge_id = link->edge_id;
  report.device = call.device->mac;
  report.link_expires = ExpiryOfLink(link->address);
  parts_.reporter.Report(std::move(report));
  return SendLink(call, *channel, *link);
}

http::Response RestCatalogue::CatchUpLink(const RestCall& call) const {
  const auto start = ParseCatchUpStart(call.Get("start"));
  const auto duration = NumberBetween(call, "duration", 0, 1, kLongestCatchUp);
  if (!start || !duration || *duration == 0) {
    return Problem(400, "bad-time", "start is no time, or duration not from 1 to 86400 seconds");
  }
  const auto lineup = parts_.models.lineup();
  http::Response problem;
  const Channel* channel = ToPlay(call, *lineup, problem);
  if (channel == nullptr) {
    parts_.metrics.catch_up_links.denied.Add();
    return problem;
  }
  const AirTime air_time{.start = *start, .stop = *start + *duration};
  if (DecideCatchUp(*channel, air_time, EpochSeconds(call.now)) != CatchUpVerdict::kAllowed) {
    parts_.metrics.catch_up_links.not_kept.Add();
    return Problem(404, "not-kept", "the archive does not hold that time");
  }
  const auto link = parts_.links.CatchUp(*channel, air_time, RealId(channel->id, *start),
                                         ViewerOf(call), call.now);
  if (!link) {
    parts_.metrics.catch_up_links.no_edge.Add();
    return TryAgain("no edge can serve the archive");
  }
  if (auto refused = parts_.streams.Refuse(call, ContentOf(*channel))) {
    parts_.metrics.catch_up_links.limit.Add();
    return *std::move(refused);
  }
  parts_.metrics.catch_up_links.ok.Add();
  return SendLink(call, *channel, *link);
}

}  // namespace holdfast::middleware
