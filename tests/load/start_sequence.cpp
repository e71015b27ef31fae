#include "tests/load/start_sequence.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <ranges>
#include <utility>

#include "libs/base/encoding.h"

namespace holdfast::load {

struct StartSequence::Step {
  std::string_view type;
  std::string_view action;
  std::string_view fields;  // "{}" is the channel's handle
  bool gzip = false;        // the box offers to unpack
  std::string_view holds;   // what a good plain answer has somewhere; "": it must be packed
};

namespace {

using Step = StartSequence::Step;

// What a MAG box asks for, and the page that Kodi asks for (portal protocol, sections 13.1, 13.2).

constexpr Step kSteps[] = {
    {"stb", "handshake", "&token=&prehash=0", false, "\"token\":\""},
    {"stb", "get_profile", "&stb_type=MAG250&sn=0000000000000&hd=1&auth_second_step=0", false,
     "\"status\":\"0\""},
    {"stb", "get_localization", "", false, "{\"js\":{"},
    {"stb", "get_modules", "", false, "\"all_modules\":["},
    {"stb", "get_preload_images", "&gmode=720", false, "\"js\":["},
    {"watchdog", "get_events", "&init=1&cur_play_type=0&event_active_id=0", false, "\"data\":{"},
    {"itv", "get_genres", "", true, ""},
    {"itv", "get_all_channels", "&force_ch_link_check=0", true, ""},
    {"itv", "get_ordered_list", "&genre=10&fav=0&sortby=number&p=1", true, "\"data\":["},
    {"itv", "get_all_fav_channels", "&fav=1", true, "\"data\":["},
    {"itv", "get_fav_ids", "", true, "\"js\":["},
    {"remote_pvr", "get_active_recordings", "", true, "\"js\":["},
    {"itv", "get_epg_info", "&period=5", true, ""},
    {"itv", "create_link", "&cmd={}&series=&disable_ad=0", false, "\"error\":\"\""},
    {"watchdog", "get_events", "&init=0&cur_play_type=1&event_active_id=0", false, "\"data\":{"},
};
constexpr std::size_t kPlaying = std::size(kSteps) - 2;
// A packed list of a few channels is larger than any answer that says no.
constexpr std::size_t kSmallestList = 100;
constexpr std::string_view kGzipMagic = "\x1f\x8b";

std::string TokenIn(std::string_view body) {
  constexpr std::string_view kMark = "\"token\":\"";
  const std::size_t at = body.find(kMark);
  if (at == std::string_view::npos) return "";
  body.remove_prefix(at + kMark.size());
  return std::string(body.substr(0, body.find('"')));
}

}  // namespace

std::string MacOf(std::size_t number) {
  return fmt::format("00:1A:79:B0:{:02X}:{:02X}", number >> 8 & 0xff, number & 0xff);
}

StartSequence::StartSequence(std::string mac, std::string channel, std::string token)
    : mac_(std::move(mac)), channel_(std::move(channel)), token_(std::move(token)) {}

std::size_t StartSequence::steps() { return std::size(kSteps); }

void StartSequence::SkipToPlaying() { step_ = kPlaying; }

std::string_view StartSequence::action() const { return kSteps[step_].action; }

std::string StartSequence::Request() const { return Write(kSteps[step_], channel_); }

std::string StartSequence::RequestOf(std::string_view action, std::string_view channel) const {
  // The last one: of the heartbeat the one that is sent again and again.
  return Write(*std::ranges::find(kSteps | std::views::reverse, action, &Step::action), channel);
}

std::string StartSequence::Write(const Step& step, std::string_view channel) const {
  std::string request =
      fmt::format("GET /stalker_portal/server/load.php?type={}&action={}", step.type, step.action);
  request += fmt::format(fmt::runtime(step.fields), PercentEncode(channel));
  request += fmt::format(
      "&JsHttpRequest=1-xml HTTP/1.1\r\nHost: portal\r\n"
      "User-Agent: Mozilla/5.0 (QtEmbedded; U; Linux; C) MAG250 stbapp\r\n"
      "X-User-Agent: Model: MAG250; Link: Ethernet\r\n"
      "Cookie: mac={}; stb_lang=en; timezone=Europe/London\r\n",
      mac_);
  if (!token_.empty()) request += "Authorization: Bearer " + token_ + "\r\n";
  if (step.gzip) request += "Accept-Encoding: gzip\r\n";
  return request + "\r\n";
}

Verdict StartSequence::Take(const Answer& answer) {
  const Step& step = kSteps[step_];
  if (answer.status == 429 || answer.status == 503) return Verdict::kShed;
  if (answer.status != 200) return Verdict::kBroken;
  const bool good =
      answer.gzipped
          ? step.gzip && answer.body.starts_with(kGzipMagic) && answer.body.size() >= kSmallestList
          : !step.holds.empty() && answer.body.find(step.holds) != std::string_view::npos;
  if (!good) return Verdict::kBroken;
  if (step_ == 0) token_ = TokenIn(answer.body);
  ++step_;
  return Verdict::kGood;
}

}  // namespace holdfast::load
