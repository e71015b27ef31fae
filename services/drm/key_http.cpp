#include "services/drm/key_http.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "libs/base/encoding.h"
#include "libs/base/status.h"
#include "libs/security/hmac.h"
#include "libs/security/token.h"
#include "services/drm/clear_key.h"
#include "services/drm/content_key.h"

namespace holdfast::drm {
namespace {

constexpr std::size_t kMaxChannelBytes = 128;
constexpr std::string_view kBearer = "Bearer ";

// Plain names only: no '|' (content_key.cpp), nothing that needs escapes in JSON or a path.
absl::StatusOr<ChannelId> ParseChannel(const std::string& text) {
  const bool plain =
      !text.empty() && text.size() <= kMaxChannelBytes && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_' || c == '.';
      });
  if (!plain) return NotFound("no such channel");
  return ChannelId(text);
}

std::optional<std::int64_t> ParseNumber(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

std::string_view BearerOf(const http::Request& request) {
  std::string_view value = request.Header("Authorization");
  if (!value.starts_with(kBearer)) return "";
  value.remove_prefix(kBearer.size());
  return value;
}

int HttpStatusOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
      return 403;
    case absl::StatusCode::kInvalidArgument:
      return 400;
    case absl::StatusCode::kNotFound:
      return 404;
    default:
      return 503;
  }
}

// Browsers that send credentials refuse "*": the origin is echoed and the headers are named.
void AllowOrigin(const http::Request& request, http::Response& response) {
  const std::string_view origin = request.Header("Origin");
  if (origin.empty()) return;
  response.headers.emplace_back("Access-Control-Allow-Origin", origin);
  response.headers.emplace_back("Access-Control-Allow-Credentials", "true");
  response.headers.emplace_back("Vary", "Origin");
}

http::Response Preflight(const http::Request& request) {
  http::Response response{.status = 204};
  AllowOrigin(request, response);
  response.headers.emplace_back("Access-Control-Allow-Methods", "GET, HEAD, POST, OPTIONS");
  response.headers.emplace_back("Access-Control-Allow-Headers",
                                "Authorization, Content-Type, X-Play-Token");
  response.headers.emplace_back("Access-Control-Max-Age", "86400");
  return response;
}

http::Response Finish(const http::Request& request, http::Response response) {
  AllowOrigin(request, response);
  response.headers.emplace_back("Cache-Control", response.status == 200 ? "private" : "no-store");
  return response;
}

http::Response ErrorResponse(const absl::Status& status) {
  http::Response response =
      http::Response::Text(HttpStatusOf(status), std::string(View(status.message())) + "\n");
  if (response.status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

}  // namespace

KeyHttp::KeyHttp(const Options& options, const EpochKeeper& epochs, const PlayKeys& play_keys,
                 const Clock& clock, WorkerPool& workers, Metrics& metrics)
    : options_(options),
      epochs_(epochs),
      play_keys_(play_keys),
      clock_(clock),
      workers_(workers),
      metrics_(metrics) {}

void KeyHttp::AddTo(http::Router& router) {
  router.Get(
      "/key/{channel}/{period}",
      [this](const http::Request& request, http::Reply reply) {
        Handle(Audience::kPlayer, request, std::move(reply));
      },
      Criticality::kCritical);
  router.Get(
      "/packager/key/{channel}",
      [this](const http::Request& request, http::Reply reply) {
        Handle(Audience::kPackager, request, std::move(reply));
      },
      Criticality::kCritical);
  // Finding the period of a key id tries all periods that may be asked for: not for I/O threads.
  router.Post(
      "/clearkey",
      http::Worker(workers_,
                   [this](const http::Request& request) { return AnswerClearKey(request); }),
      Criticality::kCritical);
  router.Add("OPTIONS", "/key/{channel}/{period}", http::Inline(Preflight));
  router.Add("OPTIONS", "/clearkey", http::Inline(Preflight));
}

absl::Status KeyHttp::Refuse(std::string_view reason, absl::Status status) const {
  metrics_.refused.With({reason}).Add();
  return status;
}

absl::StatusOr<ChannelId> KeyHttp::ChannelOfToken(const http::Request& request) const {
  std::string_view token = request.Header("X-Play-Token");
  if (token.empty()) token = BearerOf(request);
  const http::Form query(request.query());
  if (token.empty()) token = query.Get("token");
  const absl::StatusOr<security::PlayClaims> claims =
      security::VerifyPlayToken(token, *play_keys_.Current(), clock_.Now());
  if (!claims.ok()) return Refuse("token", claims.status());
  return ChannelId(claims->channel_id);
}

absl::StatusOr<KeyHttp::Wanted> KeyHttp::CheckPlayer(const http::Request& request) const {
  const absl::StatusOr<ChannelId> channel = ParseChannel(request.captures()[0]);
  if (!channel.ok()) return Refuse("address", channel.status());
  const std::optional<std::int64_t> period = ParseNumber(request.captures()[1]);
  if (!period) return Refuse("address", NotFound("no such period"));

  HOLDFAST_ASSIGN_OR_RETURN(const ChannelId of_token, ChannelOfToken(request));
  if (const absl::Status same = CheckChannel(*channel, of_token.value()); !same.ok()) {
    return Refuse("channel", same);
  }
  const absl::Status in_time =
      CheckPeriod(*period, options_.policy, options_.periods, clock_.Now());
  if (!in_time.ok()) return Refuse("period", in_time);
  return Wanted{*channel, *period};
}

absl::StatusOr<KeyHttp::Wanted> KeyHttp::CheckPackager(const http::Request& request) const {
  if (options_.packager_secret.empty() ||
      !security::ConstantTimeEqual(BearerOf(request), options_.packager_secret)) {
    return Refuse("packager", PermissionDenied("not a packager"));
  }
  const absl::StatusOr<ChannelId> channel = ParseChannel(request.captures()[0]);
  if (!channel.ok()) return Refuse("address", channel.status());

  const http::Form query(request.query());
  std::int64_t at = EpochSeconds(clock_.Now());
  if (query.Has("at")) {
    const std::optional<std::int64_t> given = ParseNumber(query.Get("at"));
    if (!given) return Refuse("address", InvalidArgument("at is not a time in epoch seconds"));
    at = *given;
  }
  const std::int64_t period = at / options_.periods.length().count();
  const absl::Status in_time = CheckPeriod(period, options_.policy, options_.periods, clock_.Now());
  if (!in_time.ok()) return Refuse("period", in_time);
  return Wanted{*channel, period};
}

absl::StatusOr<KeyHttp::Wanted> KeyHttp::Check(const http::Request& request,
                                               Audience audience) const {
  return audience == Audience::kPlayer ? CheckPlayer(request) : CheckPackager(request);
}

void KeyHttp::Handle(Audience audience, const http::Request& request, http::Reply reply) {
  absl::StatusOr<Wanted> wanted = Check(request, audience);
  if (!wanted.ok() || epochs_.loaded()) {
    return reply.Send(Answer(audience, request, wanted));
  }
  auto held = std::make_shared<http::Reply>(std::move(reply));
  const bool waits = workers_.TrySubmit([this, audience, &request, wanted, held] {
    epochs_.WaitUntilLoaded(Deadline::After(options_.hold));
    held->Send(Answer(audience, request, wanted));
  });
  if (!waits) held->Send(Answer(audience, request, wanted));
}

http::Response KeyHttp::Answer(Audience audience, const http::Request& request,
                               const absl::StatusOr<Wanted>& wanted) const {
  if (!wanted.ok()) return Finish(request, ErrorResponse(wanted.status()));
  const EpochKeeper::Ring ring = epochs_.ring();
  if (ring->empty()) {
    return Finish(request, ErrorResponse(Refuse("not_loaded", Unavailable("no key epochs yet"))));
  }
  const Epoch* epoch = ring->At(options_.periods.StartOf(wanted->period));
  if (epoch == nullptr) {
    return Finish(request, ErrorResponse(Refuse("period", NotFound("before the first epoch"))));
  }
  metrics_.keys_delivered.Add();
  std::string key = ContentKey(*epoch, wanted->channel, wanted->period);
  if (audience == Audience::kPlayer) {
    return Finish(request, {.content_type = "application/octet-stream", .text = std::move(key)});
  }
  return Finish(
      request,
      http::Response::Json(fmt::format(
          R"({{"channel":"{}","period":{},"key":"{}","iv":"{}","kid":"{}","valid_until":{}}})",
          wanted->channel.value(), wanted->period, ToHex(key), IvHex(wanted->period),
          ToHex(ContentKeyId(*epoch, wanted->channel, wanted->period)),
          EpochSeconds(options_.periods.StartOf(wanted->period + 1)))));
}

http::Response KeyHttp::AnswerClearKey(const http::Request& request) const {
  const absl::StatusOr<ChannelId> channel = ChannelOfToken(request);
  if (!channel.ok()) return Finish(request, ErrorResponse(channel.status()));
  absl::StatusOr<std::vector<std::string>> key_ids = ParseClearKeyRequest(request.body());
  if (!key_ids.ok()) {
    return Finish(request, ErrorResponse(Refuse("address", key_ids.status())));
  }
  if (!epochs_.WaitUntilLoaded(Deadline::After(options_.hold))) {
    return Finish(request, ErrorResponse(Refuse("not_loaded", Unavailable("no key epochs yet"))));
  }

  const EpochKeeper::Ring ring = epochs_.ring();
  const WallTime now = clock_.Now();
  ClearKeys found;
  // From the newest: live viewers are found at once.
  for (std::int64_t period = options_.periods.At(now) + 1; !key_ids->empty(); --period) {
    const bool allowed = CheckPeriod(period, options_.policy, options_.periods, now).ok();
    const Epoch* epoch = allowed ? ring->At(options_.periods.StartOf(period)) : nullptr;
    if (epoch == nullptr) break;
    const std::string key_id = ContentKeyId(*epoch, *channel, period);
    if (std::erase(*key_ids, key_id) > 0) {
      found.emplace_back(key_id, ContentKey(*epoch, *channel, period));
    }
  }
  if (found.empty()) {
    return Finish(request, ErrorResponse(Refuse("period", NotFound("none of the kids is known"))));
  }
  metrics_.keys_delivered.Add(static_cast<double>(found.size()));
  return Finish(request, http::Response::Json(ClearKeyLicense(found)));
}

}  // namespace holdfast::drm
