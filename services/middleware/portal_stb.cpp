#include "services/middleware/portal_stb.h"

#include <algorithm>
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

PortalAnswer StbActions::Log(PortalCall& call) {
  const std::string_view action = call.Get("real_action");
  PlaybackReport report;
  if (action == "play") {
    report.kind = PlaybackReport::Kind::kPlay;
    report.device = call.device->mac;
    report.link_expires = ExpiryOfLink(call.Get("param"));
  } else if (action == "stop") {
    report.kind = PlaybackReport::Kind::kStop;
  } else if (action == "loading_fail") {
    report.kind = PlaybackReport::Kind::kError;
    report.error = "loading_fail";
  } else {
    return PortalAnswer::Js("1");
  }
  const auto lineup = parts_.models.lineup();
  const Channel* channel = lineup->FindChannel(ParseChannelId(call.Get("ch_id")));
  if (channel != nullptr) {
    report.stream = channel->stream();
    report.model = call.device->model;
    report.account = call.device->account.value();
    report.at_ms = EpochMillis(call.now);
    parts_.reporter.Report(std::move(report));
  }
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
