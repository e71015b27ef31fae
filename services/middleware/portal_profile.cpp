#include "services/middleware/portal_profile.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "services/middleware/domain/parental.h"
#include "services/middleware/domain/timeslot.h"
#include "services/middleware/epg_rows.h"
#include "services/middleware/json_writer.h"

namespace holdfast::middleware {
namespace {

constexpr std::int64_t kSecondsPerDay = 86'400;

// Boxes of this kind refuse to run when the list is there without their model.
constexpr std::string_view kUsualModels[] = {"mag200", "mag245", "mag250", "mag254", "mag256",
                                             "mag275", "mag322", "mag324", "mag349", "mag351",
                                             "mag420", "mag424", "mag520", "mag524", "aurahd"};

void AppendAccount(JsonWriter& json, const ProfileFacts& facts, const PortalCall& call) {
  const AccountPage& account = facts.account;
  json.Key("id").String(facts.device.id);
  json.Field("name", account.full_name).Field("sname", "").Field("fname", account.full_name);
  json.Field("phone", account.phone).Field("ls", account.account_number).Field("login", "");
  json.Field("mac", facts.device.mac).Field("ip", call.client_address).Field("status", "0");
  json.Field("tariff_plan_id", "0").Field("tariff_plan", account.tariff_plan_name);
  json.Field("additional_services_on", "1").Field("account_balance", account.balance);
  json.Field("expire_billing_date",
             facts.entitlement.valid_until == 0
                 ? std::string("0000-00-00 00:00:00")
                 : LocalTime(facts.entitlement.valid_until, facts.zone.zone).DateTime());
}

// Settings of the box, and what a box starts with on which nothing was set.
constexpr std::pair<std::string_view, std::string_view> kSettings[] = {
    {"parent_password", kFirstPin},
    {"settings_password", kFirstPin},
    {"bright", "200"},
    {"contrast", "127"},
    {"saturation", "127"},
    {"aspect", "16"},
    {"volume", "70"},
    {"audio_out", "1"},
    {"playback_buffer_bytes", "0"},
    {"playback_buffer_size", "0"},
    {"screensaver_delay", "10"},
    {"plasma_saving", "0"},
    {"fav_itv_on", "0"},
    {"hd", "1"},
    {"main_notify", "1"},
    {"tv_quality", "high"},
    {"video_clock", "Off"},
    {"theme", ""},
    {"pri_audio_lang", ""},
    {"sec_audio_lang", ""},
    {"pri_subtitle_lang", ""},
    {"sec_subtitle_lang", ""},
    {"subtitle_size", "20"},
    {"subtitle_color", "16777215"},
    {"show_after_loading", ""},
    {"play_in_preview_by_ok", "0"},
    {"ts_enabled", "0"},
    {"ts_enable_icon", "1"},
    {"ts_path", ""},
    {"ts_max_length", "3600"},
    {"ts_buffer_use", "cyclic"},
    {"ts_action_on_exit", "no_save"},
    {"ts_delay", "on_pause"},
};

void AppendSettings(JsonWriter& json, const BoxSettings& settings) {
  for (const auto& [name, first] : kSettings) json.Field(name, SettingOr(settings, name, first));
}

std::int64_t NumberOr(const BoxSettings& settings, std::string_view name, std::int64_t otherwise) {
  const std::string_view text = SettingOr(settings, name, "");
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : otherwise;
}

void AppendTimers(JsonWriter& json, const ProfileFacts& facts, const PortalCall& call) {
  const auto heartbeat = std::chrono::duration_cast<std::chrono::seconds>(facts.config.heartbeat);
  const Timeslot slot = TimeslotOf(*call.mac, heartbeat);
  json.Field("watchdog_timeout", heartbeat.count()).Field("timeslot", slot.seconds);
  json.Field("timeslot_ratio", slot.ratio).Field("epg_update_time_range", 600.0);
  json.Field("epg_data_block_period_for_stb", facts.config.epg_block_hours);
  json.Field("tv_playback_retry_limit", 0).Field("fading_tv_retry_timeout", true);
  json.Field("plasma_saving_timeout", 600);
  json.Field("timezone_diff", facts.zone.zone.OffsetSeconds(call.now) -
                                  facts.default_zone.zone.OffsetSeconds(call.now));
}

void AppendState(JsonWriter& json, const ProfileFacts& facts, const PortalCall& call) {
  json.Key("last_itv_id");
  if (facts.device.last_channel.value() == 0) {
    json.Int(0);
  } else {
    json.String(facts.device.last_channel.value());
  }
  json.Key("updated").BeginObject().Field("id", "1").Field("uid", "1").Field("anec", "0");
  json.Field("vclub", "0").EndObject();
  json.Key("storages").BeginArray().EndArray();
  json.Field("is_moderator", false).Field("tester", false);
  const bool plain = call.language.size() == 2 &&
                     std::all_of(call.language.begin(), call.language.end(),
                                 [](unsigned char c) { return std::isalpha(c) != 0; });
  json.Field("locale", SettingOr(facts.device.settings, "locale", facts.config.locale))
      .Field("stb_lang", plain ? call.language : "en");
  json.Field("default_locale", facts.config.locale).Field("default_timezone", facts.zone.name);
  json.Field("store_auth_data_on_stb", facts.config.store_token_on_box).Field("auth_access", true);
}

void AppendFeatures(JsonWriter& json, const PortalConfig& config, const BoxSettings& settings) {
  for (const char* on : {"show_tv_channel_logo", "show_channel_logo_in_preview",
                         "tv_archive_continued", "enable_stream_error_logging",
                         "enable_buffering_indication", "enable_connection_problem_indication",
                         "hls_fast_start", "use_embedded_settings", "logarithm_volume_control"}) {
    json.Field(on, true);
  }
  for (const char* off :
       {"display_menu_after_loading", "show_purchased_filter", "enable_service_button",
        "enable_setting_access_by_pass", "show_tv_only_hd_filter_option",
        "invert_channel_switch_direction", "play_in_preview_only_by_ok",
        "enable_stream_losses_logging", "always_enabled_subtitles", "account_page_by_password",
        "force_ch_link_check", "show_version_in_main_menu", "disable_youtube_for_mag200",
        "standby_on_hdmi_off", "kinopoisk_rating", "deny_720p_gmode_on_mag200",
        "enable_arrow_keys_setpos", "strict_stb_type_check"}) {
    json.Field(off, false);
  }
  json.Field("enable_tariff_plans", true);
  json.Field("allow_subscription_from_stb", config.subscription_from_box);
  json.Field("record_max_length", 180);
  json.Field("playback_limit", NumberOr(settings, "playback_limit", 0));
  json.Field("max_local_recordings", 0);
}

void AppendHardware(JsonWriter& json, const BoxSettings& settings, const PortalCall& call) {
  const std::string model = absl::AsciiStrToLower(call.model);
  json.Key("allowed_stb_types").BeginArray();
  for (const std::string_view usual : kUsualModels) json.String(usual);
  const bool usual =
      std::find(std::begin(kUsualModels), std::end(kUsualModels), model) != std::end(kUsualModels);
  if (!model.empty() && !usual) json.String(model);
  json.EndArray();
  json.Key("allowed_stb_types_for_local_recording").BeginArray().EndArray();
  json.Field("hdmi_event_reaction", NumberOr(settings, "hdmi_event_reaction", 1));
  json.Field("update_url", "").Field("test_download_url", "");
  json.Field("demo_video_url", "").Field("rtsp_type", "4").Field("rtsp_flags", "0");
  json.Field("tv_channel_default_aspect", "fit").Field("default_led_level", "10");
  json.Field("standby_led_level", "90").Field("check_ssl_certificate", 0);
  json.Field("web_proxy_host", "").Field("web_proxy_port", "").Field("web_proxy_user", "");
  json.Field("web_proxy_pass", "").Field("web_proxy_exclude_list", "");
  json.Field("external_payment_page_url", "").Field("cas_type", 0).Field("cas_params", "");
  json.Field("cas_web_params", "").Field("cas_additional_params", "");
  json.Field("cas_hw_descrambling", 0).Field("cas_ini_file", "");
}

}  // namespace

std::string FullProfile(const ProfileFacts& facts, const PortalCall& call) {
  std::string js;
  js.reserve(5000);
  JsonWriter json(js);
  json.BeginObject();
  AppendAccount(json, facts, call);
  AppendSettings(json, facts.device.settings);
  AppendTimers(json, facts, call);
  AppendState(json, facts, call);
  AppendFeatures(json, facts.config, facts.device.settings);
  AppendHardware(json, facts.device.settings, call);
  json.EndObject();
  return js;
}

std::string BlockedProfile(std::string_view reason, std::string_view html) {
  std::string js;
  JsonWriter json(js);
  json.BeginObject().Field("status", 1);
  if (!reason.empty()) json.Field("msg", reason);
  if (!html.empty()) json.Field("block_msg", html);
  json.EndObject();
  return js;
}

std::string ClosedProfile(std::string_view html) {
  std::string js;
  JsonWriter(js)
      .BeginObject()
      .Field("status", 1)
      .Field("block_msg", html)
      .Field("portal_disabled", true)
      .EndObject();
  return js;
}

std::optional<std::string> SpokenEnd(const Entitlement& entitlement, WallTime now,
                                     const TimeZone& zone) {
  if (entitlement.valid_until == 0) return std::nullopt;
  const std::int64_t left = std::max<std::int64_t>(0, entitlement.valid_until - EpochSeconds(now));
  return absl::StrCat(zone.Format("%d.%m.%Y", FromEpochSeconds(entitlement.valid_until)), " (",
                      left / kSecondsPerDay, " days)");
}

}  // namespace holdfast::middleware
