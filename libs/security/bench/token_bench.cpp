// What signing and verifying cost, one thread, best of five rounds. Prints microseconds per call.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "libs/base/check.h"
#include "libs/security/hkdf.h"
#include "libs/security/token.h"
#include "libs/security/url_signer.h"

namespace holdfast::security {
namespace {

template <class Work>
void Measure(std::string_view what, int calls, const Work& work) {
  double best_us = 1e9;
  for (int round = 0; round < 5; ++round) {
    const auto start = std::chrono::steady_clock::now();
    for (int n = 0; n < calls; ++n) HOLDFAST_CHECK(work());
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
    best_us = std::min(best_us, took.count() / calls);
  }
  fmt::print("{:<24}{:>8.2f} us\n", what, best_us);
}

void Run() {
  const KeySet keys = KeySet::ForTest("2026-01", "0123456789abcdef0123456789abcdef");
  const WallTime now = FromEpochSeconds(1767348000);
  const PlayClaims play = {.account_id = "account-000123",
                           .device_id = "device-000456",
                           .channel_id = "channel-0042",
                           .expires_at = 1767351600};
  const PortalClaims portal = {.mac = "00:1A:79:12:34:56",
                               .device_id = "device-000456",
                               .account_id = "account-000123",
                               .package_ids = {"base", "sport"},
                               .issued_at = 1767348000,
                               .expires_at = 1767351600};
  const std::string play_token = SignPlayToken(play, keys);
  const std::string portal_token = SignPortalToken(portal, keys);
  const std::string secret = "0123456789abcdef0123456789abcdef";

  Measure("HMAC sign", 50000, [&] { return !SignPlayToken(play, keys).empty(); });
  Measure("HMAC verify", 50000, [&] { return VerifyPlayToken(play_token, keys, now).ok(); });
  Measure("Ed25519 sign", 3000, [&] { return !SignPortalToken(portal, keys).empty(); });
  Measure("Ed25519 verify", 3000, [&] { return VerifyPortalToken(portal_token, keys, now).ok(); });
  Measure("sign a link (MD5)", 50000, [&] {
    const LinkParts parts = {"live/channel-0042", "index.m3u8", play_token, now};
    return !SignLinkPath(parts, secret).empty();
  });
  Measure("derive a content key", 20000, [&] {
    return !HkdfSha256({.key = secret, .salt = "holdfast content key", .info = "ch-7|2945580"}, 16)
                .empty();
  });
}

}  // namespace
}  // namespace holdfast::security

int main() {
  holdfast::security::Run();
  return 0;
}
