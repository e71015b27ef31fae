#include "services/middleware/portal_settings.h"

#include <rapidjson/document.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/middleware/domain/m3u.h"
#include "services/middleware/domain/parental.h"
#include "services/middleware/json_writer.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;

constexpr auto kSaveTimeout = 2s;
constexpr std::size_t kLongestJson = 16 * 1024;

enum class Form { kText, kNumber, kSecondsToMillis };

// What a request says under `field` is kept as `setting`.
struct Field {
  std::string_view field;
  std::string_view setting;
  Form form = Form::kText;
};

struct Setter {
  std::string_view action;
  std::vector<Field> fields;
};

const std::vector<Setter>& Setters() {
  static const auto& setters = *new std::vector<Setter>{
      {"set_volume", {{"vol", "volume", Form::kNumber}}},
      {"set_locale", {{"locale", "locale"}, {"city", "city", Form::kNumber}}},
      {"set_playback_buffer",
       {{"playback_buffer_bytes", "playback_buffer_bytes", Form::kNumber},
        {"playback_buffer_size", "playback_buffer_size", Form::kSecondsToMillis}}},
      {"set_spdif_mode", {{"spdif_mode", "audio_out", Form::kNumber}}},
      {"set_playback_settings",
       {{"playback_buffer_bytes", "playback_buffer_bytes", Form::kNumber},
        {"playback_buffer_size", "playback_buffer_size", Form::kSecondsToMillis},
        {"audio_out", "audio_out", Form::kNumber},
        {"playback_limit", "playback_limit", Form::kNumber}}},
      {"set_screensaver_delay", {{"screensaver_delay", "screensaver_delay", Form::kNumber}}},
      {"set_common_settings", {{"screensaver_delay", "screensaver_delay", Form::kNumber}}},
      {"set_plasma_saving", {{"plasma_saving", "plasma_saving", Form::kNumber}}},
      {"set_hdmi_reaction", {{"data", "hdmi_event_reaction", Form::kNumber}}},
      {"set_lang_priority",
       {{"pri_audio_lang", "pri_audio_lang"},
        {"sec_audio_lang", "sec_audio_lang"},
        {"pri_subtitle_lang", "pri_subtitle_lang"},
        {"sec_subtitle_lang", "sec_subtitle_lang"}}},
      {"set_portal_prefs",
       {{"show_after_loading", "show_after_loading"},
        {"play_in_preview_by_ok", "play_in_preview_by_ok"},
        {"theme", "theme"}}},
      {"set_clock_on_video", {{"clockType", "video_clock"}}},
  };
  return setters;
}

constexpr std::string_view kTimeShiftFields[] = {
    "ts_enabled",    "ts_enable_icon",    "ts_path", "ts_max_length",
    "ts_buffer_use", "ts_action_on_exit", "ts_delay"};

// Fields that the box did not send change nothing: "undefined" and "NaN" are how some say so.
std::vector<std::pair<std::string, std::string>> ValuesOf(const PortalCall& call,
                                                          const std::vector<Field>& fields) {
  std::vector<std::pair<std::string, std::string>> values;
  for (const Field& field : fields) {
    if (!call.form.Has(field.field)) continue;
    const std::string_view text = call.Get(field.field);
    if (field.form == Form::kText) {
      if (text != "undefined") values.emplace_back(field.setting, text);
      continue;
    }
    constexpr std::int64_t kNone = -1;
    const std::int64_t number = call.form.Int(field.field, kNone);
    if (number < 0 || number > 1'000'000'000) continue;
    const std::int64_t kept = field.form == Form::kSecondsToMillis ? number * 1000 : number;
    values.emplace_back(field.setting, std::to_string(kept));
  }
  return values;
}

}  // namespace

SettingsActions::SettingsActions(const PortalConfig& config, ViewerWrites& writes,
                                 const Clock& clock)
    : config_(config), writes_(writes), pins_by_mac_({.attempts = 10, .window = 60s}, clock) {}

void SettingsActions::AddTo(ActionTable& table) {
  // A write may wait for PostgreSQL or for the disk.
  const auto later = [&](std::string_view type, std::string_view action,
                         std::function<PortalAnswer(PortalCall&)> work) {
    table.Add(type, action, Access::kSubscriber,
              [work](PortalCall&) -> PortalOutcome { return Later{work}; });
  };
  for (const Setter& setter : Setters()) {
    later("stb", setter.action,
          [this, &setter](PortalCall& c) { return Save(c, ValuesOf(c, setter.fields)); });
  }
  later("stb", "set_aspect", [this](PortalCall& c) { return SetAspect(c); });
  later("stb", "set_timeshift_settings", [this](PortalCall& c) { return SetTimeShift(c); });
  later("stb", "set_parent_password",
        [this](PortalCall& c) { return SetPin(c, "parent_password"); });
  later("stb", "set_settings_password",
        [this](PortalCall& c) { return SetPin(c, "settings_password"); });
  later("itv", "set_fav_status", [this](PortalCall& c) {
    return Save(c, ValuesOf(c, {{"fav_itv_on", "fav_itv_on", Form::kNumber}}));
  });
  later("itv", "add_to_censored", [this](PortalCall& c) { return SetCensored(c, "1"); });
  later("itv", "del_from_censored", [this](PortalCall& c) { return SetCensored(c, "0"); });
  table.Add("stb", "get_tv_aspects", Access::kSubscriber,
            Bind(*this, &SettingsActions::GetAspects));
  table.Add("stb", "get_settings_profile", Access::kSubscriber,
            Bind(*this, &SettingsActions::GetSettings));
  table.Add("stb", "get_locales", Access::kSubscriber, Bind(*this, &SettingsActions::GetLocales));
  AddPlaces(table);
}

PortalAnswer SettingsActions::Save(const PortalCall& call, const Values& values) {
  if (values.empty()) return PortalAnswer::True();
  Values clean;  // neither PostgreSQL nor a spool takes what is no text
  for (const auto& [name, value] : values) clean.emplace_back(name, CleanUtf8(value));
  const absl::Status saved =
      writes_.SaveSettings(*call.device, clean, Deadline::After(kSaveTimeout));
  return saved.ok() ? PortalAnswer::True()
                    : PortalAnswer::False().With(Degradation{Neighbour::kPostgres, {}});
}

PortalAnswer SettingsActions::SetAspect(const PortalCall& call) {
  const ChannelId channel = ParseChannelId(call.Get("ch_id"));
  const std::string setting =
      channel.value() == 0 ? "aspect" : absl::StrCat(std::string(kAspectOf), channel.value());
  return Save(call, ValuesOf(call, {{"aspect", setting}}));
}

PortalAnswer SettingsActions::SetPin(const PortalCall& call, std::string_view setting) {
  const std::string_view pin = call.Get("pass");
  if (!IsPin(pin)) return PortalAnswer::False();
  // Boxes check the old PIN themselves; those that send it too have it checked here.
  if (call.form.Has(setting)) {
    if (!pins_by_mac_.Allow(call.device->mac)) return PortalAnswer::False();
    if (!PinOpens(SettingOr(call.device->settings, setting, kFirstPin), call.Get(setting))) {
      return PortalAnswer::False();
    }
  }
  return Save(call, {{std::string(setting), std::string(pin)}});
}

PortalAnswer SettingsActions::SetTimeShift(const PortalCall& call) {
  const std::string_view text = call.Get("data");
  rapidjson::Document json;
  if (text.size() > kLongestJson) return PortalAnswer::False();
  json.Parse<rapidjson::kParseIterativeFlag>(text.data(), text.size());
  if (json.HasParseError() || !json.IsObject()) return PortalAnswer::False();
  Values values;
  for (const std::string_view field : kTimeShiftFields) {
    const auto it = json.FindMember(rapidjson::StringRef(field.data(), field.size()));
    if (it == json.MemberEnd()) continue;
    if (it->value.IsString()) {
      values.emplace_back(field, std::string(it->value.GetString(), it->value.GetStringLength()));
    } else if (it->value.IsInt64()) {
      values.emplace_back(field, std::to_string(it->value.GetInt64()));
    } else if (it->value.IsBool()) {
      values.emplace_back(field, it->value.GetBool() ? "1" : "0");
    }
  }
  return Save(call, values);
}

PortalAnswer SettingsActions::SetCensored(const PortalCall& call, std::string_view value) {
  const ChannelId channel = ParseChannelId(call.Get("ch_id"));
  if (channel.value() == 0) return PortalAnswer::False();
  return Save(call,
              {{absl::StrCat(std::string(kCensoredOf), channel.value()), std::string(value)}});
}

PortalAnswer SettingsActions::GetAspects(PortalCall& call) {
  std::string js;
  JsonWriter json(js);
  json.BeginObject();
  const BoxSettings& settings = call.device->settings;
  for (auto it = settings.lower_bound(kAspectOf);
       it != settings.end() && it->first.starts_with(kAspectOf); ++it) {
    json.Field(std::string_view(it->first).substr(kAspectOf.size()), it->second.value);
  }
  json.EndObject();
  return PortalAnswer::Js(std::move(js));
}

PortalAnswer SettingsActions::GetSettings(PortalCall& call) {
  const BoxSettings& settings = call.device->settings;
  std::string js;
  JsonWriter json(js);
  json.BeginObject();
  json.Field("parent_password", SettingOr(settings, "parent_password", kFirstPin));
  json.Field("settings_password", SettingOr(settings, "settings_password", kFirstPin));
  json.Field("update_url", "")
      .Field("test_download_url", "")
      .Field("theme", SettingOr(settings, "theme", ""));
  json.Field("playback_buffer_size", SettingOr(settings, "playback_buffer_size", "0"));
  json.Field("screensaver_delay", SettingOr(settings, "screensaver_delay", "10"));
  json.Field("show_after_loading", SettingOr(settings, "show_after_loading", ""));
  json.Key("themes").BeginArray().EndArray().Key("modules").BeginArray().EndArray().EndObject();
  return PortalAnswer::Js(std::move(js));
}

PortalAnswer SettingsActions::GetLocales(PortalCall& call) {
  const std::string_view chosen = SettingOr(call.device->settings, "locale", config_.locale);
  std::vector<std::string_view> locales = {config_.locale};
  for (const std::string_view usual : {"en_GB.utf8", "de_DE.utf8", "ru_RU.utf8", "uk_UA.utf8"}) {
    if (usual != config_.locale) locales.push_back(usual);
  }
  std::string js;
  JsonWriter json(js);
  json.BeginArray();
  for (const std::string_view locale : locales) {
    json.BeginObject().Field("label", locale.substr(0, 2)).Field("value", locale);
    json.Field("selected", locale == chosen ? 1 : 0).EndObject();
  }
  json.EndArray();
  return PortalAnswer::Js(std::move(js));
}

}  // namespace holdfast::middleware
