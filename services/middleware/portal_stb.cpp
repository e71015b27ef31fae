#include "services/middleware/portal_stb.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "libs/base/random.h"
#include "services/middleware/json_writer.h"
#include "services/middleware/oss_boxes.h"
#include "services/middleware/stream_links.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;

constexpr auto kEntitlementTimeout = 300ms;

// What this portal offers; boxes hide what is not named.
constexpr std::string_view kModules =
    R"({"all_modules":["tv","epg","epg.simple","tv_archive","time_shift","tvreminder","epg.recorder","records","remotepvr","vclub","radio","media_browser","account","settings.parent","settings.localization",)"
    R"("settings.playback","settings.common","settings.network_status","settings","logout"],)"
    R"("switchable_modules":[],"disabled_modules":)";

// What a box says that it did; nothing for what is no playing. Who pauses, goes on or seeks is
// there and has begun nothing new.
std::optional<PlaybackReport::Kind> KindOf(std::string_view action) {
  using Kind = PlaybackReport::Kind;
  if (action == "play") return Kind::kPlay;
  if (action == "stop") return Kind::kStop;
  if (action == "loading_fail") return Kind::kError;
  if (action == "pause" || action == "continue" || action == "set_pos()") return Kind::kHeartbeat;
  return std::nullopt;
}

// Of "ch_id", or of "content_id", which may be a channel or a programme ("12_1767348000").
const Channel* ChannelOf(const PortalCall& call, const Lineup& lineup) {
  const Channel* channel = lineup.FindChannel(ParseChannelId(call.Get("ch_id")));
  if (channel != nullptr) return channel;
  const std::string_view content = call.Get("content_id");
  return lineup.FindChannel(ParseChannelId(content.substr(0, content.find('_'))));
}

// By the place code "tmp_type" (boxes that send none are at the TV); "" for what is not counted.
// Only what is watched live counts for the channel.
std::string WhatPlays(const PortalCall& call, const Lineup& lineup, const Catalogue& catalogue) {
  constexpr std::int64_t kNone = 0, kFilms = 2, kArchive = 11, kTimeShift = 14;
  const std::int64_t place = call.form.Int("tmp_type", kPlaceOfTv);
  if (place == kFilms) {
    const VodTitle* title = catalogue.FindTitle(call.form.Int("content_id", 0));
    return title == nullptr ? "" : absl::StrCat("film:", title->id);
  }
  const bool of_channel =
      place == kPlaceOfTv || place == kNone || place == kArchive || place == kTimeShift;
  const Channel* channel = of_channel ? ChannelOf(call, lineup) : nullptr;
  if (channel == nullptr) return "";
  const std::string stream(channel->stream());
  if (place == kArchive) return "catch-up:" + stream;
  if (place == kTimeShift) return "time-shift:" + stream;
  return stream;
}

}  // namespace

StbActions::StbActions(const PortalConfig& config, const StbParts& parts)
    : config_(config),
      parts_(parts),
      logins_by_mac_({.attempts = 10, .window = 60s}, parts.clock),
      logins_by_address_({.attempts = 60, .window = 60s}, parts.clock) {}

void StbActions::AddTo(ActionTable& table) {
  table.Add("stb", "handshake", Access::kAnybody, Bind(*this, &StbActions::Handshake));
  table.Add("stb", "get_profile", Access::kAnybody, Bind(*this, &StbActions::GetProfile));
  table.Add("stb", "do_auth", Access::kAnybody, Bind(*this, &StbActions::DoAuth));
  table.Add("stb", "logout", Access::kBlockedToo, Bind(*this, &StbActions::LogOut));
  table.Add("stb", "log", Access::kSubscriber, Bind(*this, &StbActions::Log));
  table.Add("stb", "set_stream_error", Access::kSubscriber,
            Bind(*this, &StbActions::ReportStreamError));
  AddSmallAnswers(table);
}

// Answers that are the same for every box.
void StbActions::AddSmallAnswers(ActionTable& table) {
  const auto constant = [&](std::string_view action, Access access, std::string_view js) {
    table.Add("stb", action, access,
              [text = std::string(js)](PortalCall&) { return PortalAnswer::Js(text); });
  };
  constant("get_localization", Access::kAnybody, "{}");
  constant("check_portal_status", Access::kAnybody, config_.closed ? "false" : "true");
  table.Add("stb", "get_modules", Access::kBlockedToo, [](PortalCall& call) -> PortalOutcome {
    const BoxSettings& settings = call.device->settings;
    return PortalAnswer::Js(absl::StrCat(
        std::string(kModules), ModulesIn(settings, kDisabledModules), ",\"restricted_modules\":",
        ModulesIn(settings, kRestrictedModules), ",\"template\":\"default\"}"));
  });
  constant("get_storages", Access::kSubscriber, "[]");
  constant("get_preload_images", Access::kSubscriber, "[]");
  constant("get_ad", Access::kSubscriber, "[]");
  constant("save_diagnostic_info", Access::kSubscriber, "true");
}

PortalOutcome StbActions::Handshake(PortalCall& call) {
  // Nobody, or one of too many: a token in the form that clients expect, at no cost. It opens
  // nothing, but becomes good as one that a client makes up does: when the box is registered.
  if (!call.mac || !InRange(call) ||
      (call.device == nullptr && !parts_.guard.MayHaveToken(call.client_address))) {
    std::string js;
    JsonWriter(js).BeginObject().Field("token", absl::AsciiStrToUpper(SecureHex(16))).EndObject();
    return PortalAnswer::Js(std::move(js));
  }
  const bool account_unknown = call.device != nullptr && !call.device->account.value().empty() &&
                               call.knowledge.source == Source::kDefault;
  if (!account_unknown) {
    return HandshakeAnswer(call,
                           call.device == nullptr ? nullptr : call.knowledge.entitlement.get());
  }
  // The token should carry what the account may watch: worth one question to billing.
  return Later{[this](PortalCall& c) {
                 const SharedEntitlement known = parts_.entitlements.Load(
                     c.device->account, Deadline::After(kEntitlementTimeout));
                 return HandshakeAnswer(c, known.get());
               },
               [this](PortalCall& c) { return HandshakeAnswer(c, nullptr); }};
}

PortalAnswer StbActions::HandshakeAnswer(const PortalCall& call, const Entitlement* entitlement) {
  const std::string_view offered_text = call.Get("token");
  const ExaminedToken offered = parts_.sessions.Examine(offered_text, call.now);
  const bool good =
      offered.session != nullptr &&
      CheckSession(offered.token, *call.mac, call.device.get()) == SessionVerdict::kValid;
  const bool keep = good && parts_.sessions.WorthKeeping(*offered.session, call.device.get(),
                                                         entitlement, call.now);
  const std::string token =
      keep ? std::string(offered_text)
           : parts_.sessions.Issue(*call.mac, call.device.get(), entitlement, call.now);
  std::string js;
  JsonWriter json(js);
  json.BeginObject().Field("token", token).Field("random", SecureHex(20));
  if (!good && !offered_text.empty() && config_.unbound_devices == "login")
    json.Field("not_valid", 1);
  json.EndObject();
  return PortalAnswer::Js(std::move(js));
}

// A box that says what it does is believed, also by its heartbeats from now on.
void StbActions::NoteStream(const PortalCall& call, PlaybackReport::Kind kind) {
  using Kind = PlaybackReport::Kind;
  const Device& device = *call.device;
  if (kind == Kind::kError) return;  // it tries again
  const std::int64_t place = call.form.Int("tmp_type", 0);
  const bool plays = place == 0 || PlaysStream(place);  // who names no place is at the TV
  if (kind == Kind::kStop || !plays) {
    parts_.streams.GiveBack(device.account, device.mac);
  } else {
    parts_.streams.Plays(device.account, device.mac);
  }
}

PortalAnswer StbActions::Log(PortalCall& call) {
  const std::optional<PlaybackReport::Kind> kind = KindOf(call.Get("real_action"));
  if (!kind) return PortalAnswer::Js("1");
  NoteStream(call, *kind);
  PlaybackReport report{
      .kind = *kind,
      .stream = WhatPlays(call, *parts_.models.lineup(), *parts_.models.catalogue())};
  if (report.stream.empty()) return PortalAnswer::Js("1");
  if (*kind == PlaybackReport::Kind::kError) report.error = "loading_fail";
  if (*kind == PlaybackReport::Kind::kPlay) {
    report.device = call.device->mac;
    report.link_expires = ExpiryOfLink(call.Get("param"));
  }
  report.model = call.device->model;
  report.account = call.device->account.value();
  report.at_ms = EpochMillis(call.now);
  parts_.reporter.Report(std::move(report));
  return PortalAnswer::Js("1");
}

PortalAnswer StbActions::ReportStreamError(PortalCall& call) {
  const auto lineup = parts_.models.lineup();
  const Channel* channel = lineup->FindChannel(ParseChannelId(call.Get("ch_id")));
  if (channel != nullptr) {
    PlaybackReport report{.kind = PlaybackReport::Kind::kError, .error = "stream_error"};
    report.stream = channel->stream();
    report.model = call.device->model;
    report.account = call.device->account.value();
    report.at_ms = EpochMillis(call.now);
    parts_.reporter.Report(std::move(report));
  }
  return PortalAnswer::True();
}

}  // namespace holdfast::middleware
