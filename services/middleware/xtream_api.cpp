#include "services/middleware/xtream_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/middleware/gzip.h"
#include "services/middleware/xtream_films.h"
#include "services/middleware/xtream_rows.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;

constexpr int kGzipLevel = 6;     // made once, sent to many
constexpr int kOwnGzipLevel = 2;  // sent once
constexpr std::int64_t kShortEpgSize = 4;
constexpr std::int64_t kLongestShortEpg = 200;
constexpr std::int64_t kSecondsAhead = std::chrono::seconds(24h * 30).count();

http::Response Send(const Body& body, const AppCall& call) {
  http::Response response;
  response.headers.emplace_back("Cache-Control", "no-store");
  response.headers.emplace_back("Vary", "Accept-Encoding");
  response.stored = call.accepts_gzip ? body.gzip : body.plain;
  if (call.accepts_gzip) response.headers.emplace_back("Content-Encoding", "gzip");
  return response;
}

}  // namespace

http::Response XtreamApi::Json(std::string text) {
  http::Response response = http::Response::Json(std::move(text));
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

std::optional<std::int64_t> XtreamApi::CategoryWanted(const AppCall& call) {
  const std::string_view wanted = call.Get("category_id");
  if (wanted.empty() || wanted == "*" || wanted == "0") return std::nullopt;
  return std::max<std::int64_t>(call.form.Int("category_id", 0), 0);
}

std::vector<const Channel*> ChannelsOfApp(const Lineup& lineup, const Entitlement& entitlement,
                                          AdultChannels adult) {
  if (entitlement.blocked()) return {};
  return ChannelsFor(lineup, entitlement.packages,
                     adult == AdultChannels::kShown ? ListKind::kAll : ListKind::kMain);
}

const Channel* FindForApp(const Lineup& lineup, const Entitlement& entitlement, ChannelId id,
                          AdultChannels adult) {
  const Channel* channel = lineup.FindChannel(id);
  const bool visible = channel != nullptr && !entitlement.blocked() &&
                       entitlement.packages.Contains(channel->package) &&
                       (!channel->adult || adult == AdultChannels::kShown);
  return visible ? channel : nullptr;
}

XtreamApi::XtreamApi(const AdultRule& adult, const Parts& parts) : adult_(adult), parts_(parts) {
  actions_ = {{"get_live_categories", &XtreamApi::LiveCategories},
              {"get_live_streams", &XtreamApi::LiveStreams},
              {"get_short_epg", &XtreamApi::ShortEpg},
              {"get_simple_data_table", &XtreamApi::DataTable},
              {"get_simple_date_table", &XtreamApi::DataTable},  // as some apps spell it
              {"get_vod_categories", &XtreamApi::FilmCategories},
              {"get_vod_streams", &XtreamApi::Films},
              {"get_series_categories", &XtreamApi::SeriesCategories},
              {"get_series", &XtreamApi::Series},
              {"get_vod_info", &XtreamApi::FilmInfo},
              {"get_series_info", &XtreamApi::SeriesInfo}};
  const auto refuse = [this](const AppCall& call, AppRefusal r) { return Refuse(call, r); };
  player_ = {"player_api", [this](AppCall& call) { return PlayerApi(call); }, refuse};
  panel_ = {"panel_api", [this](AppCall& call) { return PanelApi(call); }, refuse};
}

void XtreamApi::AddRoutes(http::Router& router) {
  const auto serve = [this](const AppRoute& route) {
    return [this, &route](const http::Request& request, http::Reply reply) {
      parts_.gate.Run(parts_.gate.Parse(request), route, std::move(reply));
    };
  };
  router.Any("/player_api.php", serve(player_));
  router.Any("/panel_api.php", serve(panel_));
}

http::Response XtreamApi::Refuse(const AppCall& call, AppRefusal refusal) const {
  // What apps expect of a wrong login; for the rest they look at the status.
  if (refusal == AppRefusal::kWrong) return Json(NobodyInfo());
  return RefusePlainly(call, refusal);
}

std::optional<http::Response> XtreamApi::PlayerApi(AppCall& call) {
  const Action* action = Find(actions_, call.Get("action"));
  return action == nullptr ? Info(call) : (this->**action)(call);
}

std::optional<http::Response> XtreamApi::Info(AppCall& call) {
  std::string text;
  JsonWriter json(text);
  json.BeginObject();
  AppendUserInfo(json, call, parts_.streams.slots().Count(call.login->account));
  AppendServerInfo(json, call.base_url, call.now);
  json.EndObject();
  return Json(std::move(text));
}

std::vector<const Channel*> XtreamApi::ChannelsOf(const AppCall& call, const Lineup& lineup) const {
  return ChannelsOfApp(lineup, *call.knowledge.entitlement, adult_.InPlayers(call.login->account));
}

std::vector<Degradation> XtreamApi::LineupAge() const {
  const auto age = StaleSince(parts_.models.lineup_replica());
  if (!age) return {};
  return {{Neighbour::kPostgres, age}};
}

std::optional<http::Response> XtreamApi::Shared(const AppCall& call, std::string_view kind,
                                                std::uint64_t revision,
                                                const std::function<std::string()>& render) {
  const std::string key = fmt::format(
      "xtream|{}|{}|{}{}|{}", kind, revision, call.knowledge.entitlement->blocked() ? "!" : "",
      adult_.InPlayers(call.login->account) == AdultChannels::kShown ? "adult" : "",
      call.packages().key());
  auto body = parts_.bodies.Find(key);
  if (body == nullptr) {
    if (!call.may_block) return std::nullopt;
    body = parts_.bodies.GetOrMake(key, [&] {
      std::string text = render();
      Body made;
      made.gzip = http::Store(Gzip(text, kGzipLevel));
      made.plain = http::Store(std::move(text));
      return made;
    });
  }
  return Send(*body, call);
}

std::optional<http::Response> XtreamApi::LiveCategories(AppCall& call) {
  const auto lineup = parts_.models.lineup();
  auto response = Shared(call, "categories", lineup->revision(), [&] {
    std::string text;
    JsonWriter json(text);
    AppendCategories(json, *lineup, ChannelsOf(call, *lineup));
    return text;
  });
  if (response) MarkDegraded(*response, LineupAge(), player_.name, parts_.metrics);
  return response;
}

std::optional<http::Response> XtreamApi::LiveStreams(AppCall& call) {
  const std::optional<std::int64_t> wanted = CategoryWanted(call);
  const auto lineup = parts_.models.lineup();
  const auto& genres = lineup->genres();
  const bool known = std::any_of(genres.begin(), genres.end(),
                                 [&](const Genre& g) { return g.id.value() == wanted; });
  if (wanted && !known) return Json("[]");  // not kept: anybody can make up numbers
  auto response =
      Shared(call, fmt::format("streams {}", wanted.value_or(0)), lineup->revision(), [&] {
        std::string text;
        JsonWriter json(text);
        json.BeginArray();
        for (const Channel* channel : ChannelsOf(call, *lineup)) {
          if (!wanted || channel->in_genre(GenreId(*wanted))) AppendLiveStream(json, *channel);
        }
        json.EndArray();
        return text;
      });
  if (response) MarkDegraded(*response, LineupAge(), player_.name, parts_.metrics);
  return response;
}

http::Response XtreamApi::Listings(const AppCall&, std::string listings) const {
  http::Response response = Json(absl::StrCat("{\"epg_listings\":", listings, "}"));
  if (const auto age = StaleSince(parts_.models.guide_replica())) {
    MarkDegraded(response, {{Neighbour::kEpg, age}}, "player_api", parts_.metrics);
  }
  MarkDegraded(response, LineupAge(), "player_api", parts_.metrics);
  return response;
}

std::optional<http::Response> XtreamApi::ShortEpg(AppCall& call) {
  const auto lineup = parts_.models.lineup();
  const auto guide = parts_.models.guide();
  const Channel* channel =
      FindForApp(*lineup, *call.knowledge.entitlement, ParseChannelId(call.Get("stream_id")),
                 adult_.InPlayers(call.login->account));
  const ChannelSchedule* schedule =
      channel == nullptr ? nullptr : guide->ScheduleOf(channel->guide_id);
  if (schedule == nullptr) return Listings(call, "[]");
  const auto limit = static_cast<std::size_t>(
      std::clamp<std::int64_t>(call.form.Int("limit", kShortEpgSize), 1, kLongestShortEpg));
  const std::int64_t now = EpochSeconds(call.now);
  const auto programmes = schedule->Between(now, now + kSecondsAhead);
  std::string text;
  JsonWriter json(text);
  json.BeginArray();
  for (const Programme& p : programmes.first(std::min(programmes.size(), limit))) {
    AppendListing(json, *channel, p, ListingMarks::kNone, now);
  }
  json.EndArray();
  return Listings(call, std::move(text));
}

std::optional<http::Response> XtreamApi::DataTable(AppCall& call) {
  const auto lineup = parts_.models.lineup();
  const auto guide = parts_.models.guide();
  const Channel* channel =
      FindForApp(*lineup, *call.knowledge.entitlement, ParseChannelId(call.Get("stream_id")),
                 adult_.InPlayers(call.login->account));
  const ChannelSchedule* schedule =
      channel == nullptr ? nullptr : guide->ScheduleOf(channel->guide_id);
  if (schedule == nullptr) return Listings(call, "[]");
  const std::int64_t now = EpochSeconds(call.now);
  std::string text;
  JsonWriter json(text);
  json.BeginArray();
  for (const Programme& p : schedule->all()) {
    AppendListing(json, *channel, p, ListingMarks::kNowAndArchive, now);
  }
  json.EndArray();
  return Listings(call, std::move(text));
}

std::optional<http::Response> XtreamApi::PanelApi(AppCall& call) {
  if (!call.may_block) return std::nullopt;  // a megabyte to write
  const auto lineup = parts_.models.lineup();
  const std::vector<const Channel*> channels = ChannelsOf(call, *lineup);
  std::map<GenreId, std::string_view> titles;
  for (const Genre& genre : lineup->genres()) titles[genre.id] = genre.title;

  std::string text;
  JsonWriter json(text);
  json.BeginObject();
  AppendUserInfo(json, call, parts_.streams.slots().Count(call.login->account));
  AppendServerInfo(json, call.base_url, call.now);
  json.Key("categories").BeginObject().Key("live");
  AppendCategories(json, *lineup, channels);
  json.Key("movie").Raw(FilmCategoriesOf(call, FilmKind::kFilms));
  json.Key("series").Raw(FilmCategoriesOf(call, FilmKind::kSeries)).EndObject();
  json.Key("available_channels").BeginObject();
  for (const Channel* channel : channels) {
    json.Key(std::to_string(channel->id.value()));
    AppendPanelStream(json, *channel, titles[channel->genre]);
  }
  json.EndObject().EndObject();
  // An account's own, for its first lines; the rest would be shared.
  if (call.accepts_gzip) text = Gzip(text, kOwnGzipLevel);
  http::Response response = Json(std::move(text));
  response.headers.emplace_back("Vary", "Accept-Encoding");
  if (call.accepts_gzip) response.headers.emplace_back("Content-Encoding", "gzip");
  MarkDegraded(response, LineupAge().empty() ? CatalogueAge() : LineupAge(), "panel_api",
               parts_.metrics);
  return response;
}

}  // namespace holdfast::middleware
