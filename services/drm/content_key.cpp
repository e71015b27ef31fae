#include "services/drm/content_key.h"

#include <fmt/format.h>

#include "libs/security/hkdf.h"

namespace holdfast::drm {
namespace {

constexpr std::size_t kKeyBytes = 16;
constexpr std::string_view kSalt = "holdfast content key";

std::string Derive(const Epoch& epoch, const std::string& info) {
  return security::HkdfSha256({.key = epoch.key, .salt = kSalt, .info = info}, kKeyBytes);
}

}  // namespace

// A channel id may hold any character; the last '|' separates, as a period is digits only.
std::string ContentKey(const Epoch& epoch, const ChannelId& channel, std::int64_t period) {
  return Derive(epoch, fmt::format("{}|{}", channel.value(), period));
}

// The leading "kid|" cannot collide with a content key's info: "kid|c|7" as such would be the key
// of channel "kid|c", so channel ids with '|' are refused where they enter (key_http.cpp).
std::string ContentKeyId(const Epoch& epoch, const ChannelId& channel, std::int64_t period) {
  return Derive(epoch, fmt::format("kid|{}|{}", channel.value(), period));
}

std::string IvHex(std::int64_t period) { return fmt::format("{:032x}", period); }

}  // namespace holdfast::drm
