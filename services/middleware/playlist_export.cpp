#include "services/middleware/playlist_export.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/encoding.h"
#include "libs/security/hmac.h"
#include "services/middleware/domain/guide_id.h"
#include "services/middleware/gzip.h"

namespace holdfast::middleware {
namespace {

constexpr int kGzipLevel = 4;
constexpr int kHoursPerDay = 24;
constexpr std::string_view kStations = "Radio";  // their group

// Inside an attribute's quotes.
std::string Quoted(std::string_view text) {
  std::string safe(text);
  std::replace(safe.begin(), safe.end(), '"', '\'');
  std::replace_if(
      safe.begin(), safe.end(), [](char c) { return c == '\r' || c == '\n'; }, ' ');
  return safe;
}

// After the comma, to the end of the line.
std::string OneLine(std::string_view text) {
  std::string safe(text);
  std::replace_if(
      safe.begin(), safe.end(), [](char c) { return c == '\r' || c == '\n'; }, ' ');
  return safe;
}

std::string AsFields(const Credentials& credentials) {
  return absl::StrCat("username=", PercentEncode(credentials.login),
                      "&password=", PercentEncode(credentials.password));
}

// Start and length come as numbers: they mean the same in every zone.
std::string CatchUpAttributes(const Channel& channel, const PlaylistView& view) {
  if (channel.catch_up_hours <= 0) return "";
  return fmt::format(
      " catchup=\"default\" catchup-days=\"{}\" "
      "catchup-source=\"{}/streaming/timeshift.php?{}&stream={}&start={{utc}}"
      "&duration={{duration:60}}\"",
      (channel.catch_up_hours + kHoursPerDay - 1) / kHoursPerDay, view.base_url,
      AsFields(view.credentials), channel.id.value());
}

// The same text gives the same tag on every instance.
std::string ETagOf(std::string_view text) {
  static const security::HmacKey key("holdfast playlist");
  const auto tag = key.Sign(text);
  return ToHex(std::string_view(reinterpret_cast<const char*>(tag.data()), 12));
}

}  // namespace

std::string RenderPlaylist(const Lineup& lineup, const std::vector<const Channel*>& channels,
                           const PlaylistView& view) {
  std::string m3u = "#EXTM3U";
  if (view.with_attributes) {
    const std::string guide =
        absl::StrCat(absl::string_view(view.base_url.data(), view.base_url.size()), "/xmltv.php?",
                     AsFields(view.credentials));
    m3u += fmt::format(" url-tvg=\"{0}\" x-tvg-url=\"{0}\"", guide);
  }
  m3u += '\n';
  m3u.reserve(channels.size() * 400 + 400);
  const std::string address =
      fmt::format("{}/live/{}/{}/", view.base_url, PercentEncode(view.credentials.login),
                  PercentEncode(view.credentials.password));
  for (const Channel* channel : channels) {
    m3u += "#EXTINF:-1";
    if (view.with_attributes) {
      m3u += fmt::format(
          " tvg-id=\"{}\" tvg-name=\"{}\" tvg-logo=\"{}\" tvg-chno=\"{}\" group-title=\"{}\"",
          ExportedGuideId(channel->guide_id), Quoted(channel->name), Quoted(channel->logo),
          channel->number, Quoted(GenreTitles(lineup, *channel, ";")));
      m3u += CatchUpAttributes(*channel, view);
    }
    m3u += fmt::format(",{}\n{}{}.{}\n", OneLine(channel->name), address, channel->id.value(),
                       view.ending);
  }
  return m3u;
}

void AppendStations(std::string& m3u, const std::vector<const RadioStation*>& stations,
                    const PlaylistView& view) {
  if (!view.with_attributes) return;
  for (const RadioStation* station : stations) {
    m3u += fmt::format(
        "#EXTINF:-1 tvg-id=\"\" tvg-name=\"{}\" radio=\"true\" group-title=\"{}\",{}\n{}\n",
        Quoted(station->name), kStations, OneLine(station->name), OneLine(station->address));
  }
}

PlaylistExport::PlaylistExport(const AdultRule& adult, const Parts& parts)
    : adult_(adult),
      parts_(parts),
      route_{"playlist", [this](AppCall& call) { return Answer(call); }, RefusePlainly} {}

void PlaylistExport::AddRoutes(http::Router& router) {
  router.Any("/get.php", [this](const http::Request& request, http::Reply reply) {
    parts_.gate.Run(parts_.gate.Parse(request), route_, std::move(reply));
  });
}

std::optional<http::Response> PlaylistExport::Answer(AppCall& call) {
  const std::string_view output = call.Get("output");
  const PlaylistView view{.base_url = call.base_url,
                          .credentials = call.credentials,
                          .with_attributes = call.Get("type") != "m3u",
                          .ending = output == "ts" || output == "mpegts" ? "ts" : "m3u8"};
  if (!call.may_block) return std::nullopt;  // hundreds of kilobytes to write and compress
  const auto lineup = parts_.models.lineup();
  const auto catalogue = parts_.models.catalogue();
  const Entitlement& entitlement = *call.knowledge.entitlement;
  std::string m3u = RenderPlaylist(
      *lineup, ChannelsOfApp(*lineup, entitlement, adult_.InPlayers(call.login->account)), view);
  std::vector<const RadioStation*> stations;
  for (const RadioStation& station : catalogue->stations()) {
    const bool visible = !entitlement.blocked() && MaySee(station.package, entitlement.packages);
    if (visible) stations.push_back(&station);
  }
  AppendStations(m3u, stations, view);
  const std::string etag = ETagOf(m3u);
  http::Response response;
  if (HasCurrent(call, etag)) {
    response = NotModified(etag);
  } else {
    response.content_type = "audio/x-mpegurl; charset=utf-8";
    response.headers = {{"ETag", absl::StrCat("\"", etag, "\"")},
                        {"Content-Disposition", "attachment; filename=\"playlist.m3u\""},
                        {"Vary", "Accept-Encoding"}};
    response.text = call.accepts_gzip ? Gzip(m3u, kGzipLevel) : std::move(m3u);
    if (call.accepts_gzip) response.headers.emplace_back("Content-Encoding", "gzip");
  }
  response.headers.emplace_back("Cache-Control", "private, no-cache");
  std::optional<std::chrono::seconds> age = StaleSince(parts_.models.lineup_replica());
  if (!age) age = StaleSince(parts_.models.catalogue_replica());
  if (age) {
    MarkDegraded(response, {{Neighbour::kPostgres, age}}, route_.name, parts_.metrics);
  }
  return response;
}

}  // namespace holdfast::middleware
