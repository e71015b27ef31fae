// Self-contained tokens: whoever holds the key verifies them without asking anyone.
//
// Portal token  Ed25519; made by middleware, verified by anyone with the public key.
//               "<key id>.<base64url payload>.<base64url signature>"
// Play token    HMAC-SHA256 over the same form, tag cut to 16 bytes; made by middleware at each
// zap,
//               verified by drm and cdn_routing. Why not Ed25519: docs/decisions/0003.
// The payload is a serialized protobuf-free record (see Claims): version byte, then fields.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/clock.h"
#include "libs/security/key_set.h"

namespace holdfast::security {

// A device that logged in, and what its account may watch as far as billing had said then.
struct PortalClaims {
  std::string mac;         // upper case
  std::string device_id;   // "" if the device is not registered yet
  std::string account_id;  // "" likewise
  std::vector<std::string> package_ids;
  std::int64_t issued_at = 0;       // epoch seconds
  std::int64_t expires_at = 0;      // of the token
  std::int64_t entitled_until = 0;  // entitlement validity; 0: open-ended
  std::int64_t grace_until = 0;     // honoured without fresh news until then
  std::uint64_t entitlement_revision = 0;
  std::uint32_t generation = 0;  // of the device's sessions; a smaller one is revoked

  friend bool operator==(const PortalClaims&, const PortalClaims&) = default;
};

// The right to play one channel for a while.
struct PlayClaims {
  std::string account_id;
  std::string device_id;
  std::string channel_id;
  std::int64_t expires_at = 0;  // epoch seconds

  friend bool operator==(const PlayClaims&, const PlayClaims&) = default;
};

// Signing gives "" when the set holds no secret or a field exceeds its bound (128 bytes a text, 256
// packages, no time before 1970). Verifying gives UNAUTHENTICATED with a reason for anything
// malformed, forged, expired or made with an unknown key. Constant time in the signature.
// Thread-safe: no state.
std::string SignPortalToken(const PortalClaims& claims, const KeySet& keys);
absl::StatusOr<PortalClaims> VerifyPortalToken(std::string_view token, const KeySet& keys,
                                               WallTime now);

std::string SignPlayToken(const PlayClaims& claims, const KeySet& keys);
absl::StatusOr<PlayClaims> VerifyPlayToken(std::string_view token, const KeySet& keys,
                                           WallTime now);

}  // namespace holdfast::security
