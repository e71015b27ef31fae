#include "services/middleware/stream_links.h"

#include <charconv>
#include <utility>

#include "libs/base/encoding.h"
#include "libs/security/token.h"

namespace holdfast::middleware {

std::int64_t ExpiryOfLink(std::string_view link) {
  constexpr std::string_view kMark = "/s/";
  const std::string plain = PercentDecode(link);
  const std::size_t at = plain.find(kMark);
  if (at == std::string::npos) return 0;
  const std::size_t begin = plain.find('/', at + kMark.size());
  if (begin == std::string::npos) return 0;
  std::int64_t expires = 0;
  const char* const last = plain.data() + plain.size();
  const auto [end, error] = std::from_chars(plain.data() + begin + 1, last, expires);
  return error == std::errc() && end != last && *end == '/' && expires > 0 ? expires : 0;
}

std::optional<StreamLink> StreamLinks::Live(const Channel& channel, const StreamViewer& viewer,
                                            WallTime now) const {
  return OfChannel(channel, "index.m3u8", viewer, now);
}

std::optional<StreamLink> StreamLinks::CatchUp(const Channel& channel, const AirTime& air_time,
                                               std::string_view programme_id,
                                               const StreamViewer& viewer, WallTime now) const {
  const std::string_view source = channel.catch_up_source;
  switch (PlaceOfCatchUp(source)) {
    case CatchUpPlace::kEdge:
      return OfChannel(channel, ArchiveFile(air_time), viewer, now);
    case CatchUpPlace::kAddress:
      return StreamLink{FillTemplate(source, air_time, EpochSeconds(now), programme_id), ""};
    case CatchUpPlace::kBehindLive:
      break;
  }
  std::optional<StreamLink> link = Live(channel, viewer, now);
  if (link) link->address += FillTemplate(source, air_time, EpochSeconds(now), programme_id);
  return link;
}

std::optional<StreamLink> StreamLinks::File(std::string_view directory, std::string_view file,
                                            WallTime now) const {
  return OnBestEdge(
      {.directory = directory, .file = file, .play_token = {}, .expires = now + options_.lifetime});
}

std::optional<std::chrono::seconds> StreamLinks::EdgesStaleSince() const {
  return StaleSince(models_.edges_replica());
}

std::optional<StreamLink> StreamLinks::OfChannel(const Channel& channel, std::string_view file,
                                                 const StreamViewer& viewer, WallTime now) const {
  const WallTime expires = now + options_.lifetime;
  std::string play_token;
  if (channel.encrypted) {
    play_token = security::SignPlayToken({.account_id = viewer.account,
                                          .device_id = viewer.device_id,
                                          .channel_id = std::string(channel.stream()),
                                          .expires_at = EpochSeconds(expires)},
                                         play_keys_);
    if (play_token.empty()) return std::nullopt;
  }
  return OnBestEdge(
      {.directory = channel.directory, .file = file, .play_token = play_token, .expires = expires});
}

std::optional<StreamLink> StreamLinks::OnBestEdge(const placement::LinkRequest& request) const {
  const auto edges = models_.edges();
  const placement::Edge* best = edges->Best(request.directory, options_.zone);
  if (best == nullptr) return std::nullopt;
  std::string address = placement::LinkOn(*best, request, secrets_);
  if (!address.empty()) return StreamLink{std::move(address), best->id};
  // We do not hold that CDN's secret: any edge whose links we can sign is better than none.
  for (const placement::Edge* edge : edges->Rank(request.directory, options_.zone)) {
    address = placement::LinkOn(*edge, request, secrets_);
    if (!address.empty()) return StreamLink{std::move(address), edge->id};
  }
  return std::nullopt;
}

}  // namespace holdfast::middleware
