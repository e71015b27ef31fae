#include "services/middleware/xtream_rows.h"

#include "absl/strings/escaping.h"

#include <set>

#include "services/middleware/domain/guide_id.h"
#include "services/middleware/epg_rows.h"

namespace holdfast::middleware {
namespace {

constexpr int kHoursPerDay = 24;

std::string_view StatusOf(const Entitlement& entitlement, WallTime now) {
  if (entitlement.blocked()) return "Disabled";
  const std::int64_t end = ServedUntil(entitlement);
  return end != 0 && EpochSeconds(now) >= end ? "Expired" : "Active";
}

struct Authority {
  std::string_view scheme;
  std::string_view host;
  std::string_view port;
};

// "http://tv.example:8080"
Authority SplitBaseUrl(std::string_view base_url) {
  Authority authority;
  const std::size_t colon = base_url.find("://");
  authority.scheme = base_url.substr(0, colon);
  std::string_view rest = base_url.substr(colon + 3);
  const std::size_t port = rest.rfind(':');
  // A colon inside the brackets of an IPv6 address is none of a port.
  if (port != std::string_view::npos && rest.find(']', port) == std::string_view::npos) {
    authority.port = rest.substr(port + 1);
    rest = rest.substr(0, port);
  }
  authority.host = rest;
  return authority;
}

std::string Base64(std::string_view text) {
  return absl::Base64Escape(absl::string_view(text.data(), text.size()));
}

void AppendGuideId(JsonWriter& json, std::string_view name, const Channel& channel) {
  const std::string id = ExportedGuideId(channel.guide_id);
  if (id.empty()) {
    json.Key(name).Null();
  } else {
    json.Field(name, id);
  }
}

// Days that the archive reaches back, begun ones too.
int ArchiveDays(const Channel& channel) {
  return (channel.catch_up_hours + kHoursPerDay - 1) / kHoursPerDay;
}

}  // namespace

void AppendUserInfo(JsonWriter& json, const AppCall& call, int active_streams) {
  const Entitlement& entitlement = *call.knowledge.entitlement;
  json.Key("user_info").BeginObject();
  json.Field("username", call.credentials.login).Field("password", call.credentials.password);
  json.Field("message", "").Field("auth", 1).Field("status", StatusOf(entitlement, call.now));
  // The end of the grace: an app that reads a day of the past locks itself.
  const std::int64_t end = ServedUntil(entitlement);
  if (end == 0) {
    json.Key("exp_date").Null();
  } else {
    json.Key("exp_date").String(end);
  }
  json.Field("is_trial", "0").Key("active_cons").String(std::int64_t{active_streams});
  json.Key("created_at").String(call.login->first_at);
  json.Key("max_connections").String(entitlement.max_streams);
  json.Key("allowed_output_formats").BeginArray().String("m3u8").EndArray();
  json.EndObject();
}

void AppendServerInfo(JsonWriter& json, std::string_view base_url, WallTime now) {
  const Authority authority = SplitBaseUrl(base_url);
  const bool https = authority.scheme == "https";
  const std::string_view port = authority.port;
  json.Key("server_info").BeginObject().Field("url", authority.host);
  json.Field("port", https || port.empty() ? "80" : port);
  json.Field("https_port", !https || port.empty() ? "443" : port);
  json.Field("server_protocol", authority.scheme).Field("rtmp_port", "0");
  json.Field("timezone", "UTC").Field("timestamp_now", EpochSeconds(now));
  json.Field("time_now", LocalTime(EpochSeconds(now), TimeZone::Utc()).DateTime());
  json.Field("process", true).EndObject();
}

std::string NobodyInfo() { return R"({"user_info":{"auth":0}})"; }

void AppendCategories(JsonWriter& json, const Lineup& lineup,
                      const std::vector<const Channel*>& channels) {
  const std::set<GenreId> present = GenresOf(channels);
  json.BeginArray();
  for (const Genre& genre : lineup.genres()) {
    if (!present.contains(genre.id)) continue;
    json.BeginObject().Key("category_id").String(genre.id.value());
    json.Field("category_name", genre.title).Field("parent_id", 0).EndObject();
  }
  json.EndArray();
}

void AppendLiveStream(JsonWriter& json, const Channel& channel) {
  json.BeginObject().Field("num", channel.number).Field("name", channel.name);
  json.Field("stream_type", "live").Field("stream_id", channel.id.value());
  json.Field("stream_icon", channel.logo);
  AppendGuideId(json, "epg_channel_id", channel);
  json.Key("added").String(channel.modified_at);
  json.Field("is_adult", channel.adult ? 1 : 0);
  json.Key("category_id").String(channel.genre.value());
  json.Key("category_ids").BeginArray().Int(channel.genre.value());
  for (const GenreId id : channel.other_genres) json.Int(id.value());
  json.EndArray();
  json.Field("custom_sid", "").Field("tv_archive", channel.catch_up_hours > 0 ? 1 : 0);
  json.Field("direct_source", "").Field("tv_archive_duration", ArchiveDays(channel)).EndObject();
}

void AppendPanelStream(JsonWriter& json, const Channel& channel, std::string_view category) {
  json.BeginObject().Field("num", channel.number).Field("name", channel.name);
  json.Field("stream_type", "live").Field("type_name", "Live Streams");
  json.Key("stream_id").String(channel.id.value());
  json.Field("stream_icon", channel.logo);
  AppendGuideId(json, "epg_channel_id", channel);
  json.Key("added").String(channel.modified_at);
  json.Field("category_name", category).Key("category_id").String(channel.genre.value());
  json.Key("series_no").Null().Field("live", "1").Key("container_extension").Null();
  json.Field("custom_sid", "").Field("tv_archive", channel.catch_up_hours > 0 ? 1 : 0);
  json.Field("direct_source", "").Field("tv_archive_duration", ArchiveDays(channel)).EndObject();
}

void AppendListing(JsonWriter& json, const Channel& channel, const Programme& programme,
                   ListingMarks marks, std::int64_t now) {
  json.BeginObject().Key("id").String(RowId(channel.id, programme.start));
  json.Key("epg_id").String(channel.id.value());
  json.Field("title", Base64(programme.title)).Field("lang", "");
  json.Field("start", LocalTime(programme.start, TimeZone::Utc()).DateTime());
  json.Field("end", LocalTime(programme.stop, TimeZone::Utc()).DateTime());
  json.Field("description", Base64(programme.description));
  json.Field("channel_id", ExportedGuideId(channel.guide_id));
  json.Key("start_timestamp").String(programme.start);
  json.Key("stop_timestamp").String(programme.stop);
  if (marks == ListingMarks::kNowAndArchive) {
    json.Field("now_playing", programme.on_air_at(now) ? 1 : 0);
    json.Field("has_archive", InArchive(channel, programme, now) ? 1 : 0);
  }
  json.EndObject();
}

}  // namespace holdfast::middleware
