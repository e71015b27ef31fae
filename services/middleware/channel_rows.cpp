#include "services/middleware/channel_rows.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "services/middleware/epg_rows.h"
#include "services/middleware/json_writer.h"

namespace holdfast::middleware {
namespace {

// Where boxes look for a channel that is down; none of them shows it.
constexpr const char* kNowhere = "udp://wtf?";

std::string DateTime(std::int64_t epoch_seconds) {
  return LocalTime(epoch_seconds, TimeZone::Utc()).DateTime();
}

std::string Modified(const Channel& channel) { return DateTime(channel.modified_at); }

// What a box hands back to create_link. It is not an address that anybody could play.
std::string Handle(const Channel& channel) {
  return absl::StrCat("ffrt http://localhost/ch/", channel.link().value());
}

void AppendLink(JsonWriter& json, const Channel& channel) {
  json.BeginObject();
  json.Key("id").String(channel.link().value());
  json.Key("ch_id").String(channel.id.value());
  json.Field("priority", "0").Field("url", Handle(channel));
  json.Field("status", channel.monitoring.down ? "0" : "1");
  json.Field("use_http_tmp_link", "1").Field("wowza_tmp_link", "0").Field("user_agent_filter", "");
  json.Field("use_load_balancing", "0").Field("changed", Modified(channel));
  json.Field("enable_monitoring", "0").Field("enable_balancer_monitoring", "0");
  json.Field("nginx_secure_link", "0").Field("flussonic_tmp_link", "0");
  json.EndObject();
}

}  // namespace

ChannelRows::ChannelRows(std::shared_ptr<const Lineup> lineup) : lineup_(std::move(lineup)) {
  pieces_.reserve(lineup_->channels().size());
  for (const Channel& channel : lineup_->channels()) pieces_.push_back(Render(channel));
}

ChannelRows::Pieces ChannelRows::Render(const Channel& channel) const {
  const char* archive = channel.catch_up_hours > 0 ? "1" : "0";
  const char* adult = channel.adult ? "1" : "0";
  Pieces pieces;

  JsonWriter a(pieces.before_number);
  a.BeginObject().Key("id").String(channel.id.value());
  a.Field("name", channel.name).Key("number");
  pieces.before_number += '"';

  pieces.before_favourite = "\",";
  JsonWriter b(pieces.before_favourite);
  b.Field("censored", adult)
      .Field("cmd", channel.monitoring.down ? kNowhere : Handle(channel))
      .Field("cost", "0")
      .Field("count", "0");
  b.Field("status", "1").Key("tv_genre_id").String(channel.genre.value());
  b.Field("base_ch", "1").Field("hd", channel.hd ? "1" : "0").Field("xmltv_id", channel.guide_id);
  b.Field("service_id", "").Field("bonus_ch", "0").Field("volume_correction", "0");
  b.Field("use_http_tmp_link", "1").Field("mc_cmd", "1").Field("enable_tv_archive", archive);
  b.Field("wowza_tmp_link", "0")
      .Field("wowza_dvr", "0")
      .Field("monitoring_status", channel.monitoring.down ? "0" : "1");
  const std::int64_t monitored = channel.monitoring.changed_at;
  b.Key("monitoring_status_updated");
  monitored == 0 ? b.Null() : b.String(DateTime(monitored));
  b.Field("enable_monitoring", monitored == 0 ? "0" : "1");
  b.Field("enable_wowza_load_balancing", "0").Field("cmd_1", "").Field("cmd_2", "");
  b.Field("cmd_3", "").Field("logo", channel.logo).Field("correct_time", "0");
  b.Field("allow_pvr", archive).Field("allow_local_pvr", "1").Field("modified", Modified(channel));
  b.Field("allow_local_timeshift", "1").Field("nginx_secure_link", "0");
  b.Key("tv_archive_duration").String(channel.catch_up_hours);
  b.Field("flussonic_dvr", "0").Field("locked", adult).Field("lock", channel.adult ? 1 : 0);
  b.Key("fav");

  pieces.before_playing = ",";
  JsonWriter c(pieces.before_playing);
  c.Field("archive", channel.catch_up_hours > 0 ? 1 : 0);
  c.Field("genres_str", GenreTitles(*lineup_, channel, ", "));
  c.Key("epg").BeginArray().EndArray().Field("open", channel.monitoring.down ? 0 : 1);
  if (channel.monitoring.down) c.Field("error", "limit");
  c.Field("use_load_balancing", "0");
  c.Field("pvr", channel.catch_up_hours > 0 ? 1 : 0).Key("cur_playing");
  pieces.before_playing += '"';

  pieces.after_playing = "\",";
  JsonWriter d(pieces.after_playing);
  d.Key("cmds").BeginArray();
  AppendLink(d, channel);
  d.EndArray();
  pieces.after_playing += '}';
  return pieces;
}

namespace {

// Few viewers censor channels: their rows are mended instead of being rendered in two forms.
void MarkCensored(std::string& out, std::size_t row) {
  for (const auto& [open, locked] :
       {std::pair(R"("censored":"0")", R"("censored":"1")"),
        std::pair(R"("locked":"0")", R"("locked":"1")"), std::pair(R"("lock":0)", R"("lock":1)")}) {
    const std::size_t at = out.find(open, row);
    if (at != std::string::npos) out.replace(at, std::string_view(open).size(), locked);
  }
}

}  // namespace

void ChannelRows::Append(std::string& out, const Channel& channel,
                         const RowVariant& variant) const {
  const std::size_t row = out.size();
  const auto index = static_cast<std::size_t>(&channel - lineup_->channels().data());
  const Pieces& pieces = pieces_[index];
  out += pieces.before_number;
  absl::StrAppend(&out, variant.number);
  out += pieces.before_favourite;
  out += variant.favourite ? '1' : '0';
  out += pieces.before_playing;
  AppendJsonEscaped(out, variant.playing);
  out += pieces.after_playing;
  if (variant.censored) MarkCensored(out, row);
}

std::string ChannelRows::Genres(const std::vector<const Channel*>& channels) const {
  const std::set<GenreId> present = GenresOf(channels);

  std::string js;
  JsonWriter json(js);
  json.BeginArray().BeginObject();
  json.Field("id", "*")
      .Field("title", "All")
      .Field("alias", "all")
      .Field("censored", 0)
      .EndObject();
  int number = 0;
  for (const Genre& genre : lineup_->genres()) {
    if (!present.contains(genre.id)) continue;
    json.BeginObject();
    json.Key("id").String(genre.id.value());
    json.Field("title", genre.title).Field("alias", genre.title);
    json.Key("number").String(++number);
    json.Field("modified", "").Field("censored", genre.id == kAdultGenre ? 1 : 0);
    json.EndObject();
  }
  json.EndArray();
  return js;
}

void OpenPage(std::string& out, std::size_t total, int page_size, int selected, int page) {
  JsonWriter json(out);
  json.BeginObject().Field("total_items", static_cast<std::int64_t>(total));
  json.Field("max_page_items", page_size).Field("selected_item", selected).Field("cur_page", page);
  json.Key("data").BeginArray();
}

}  // namespace holdfast::middleware
