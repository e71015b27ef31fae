#include "libs/security/token.h"

#include <sodium.h>

#include <optional>

#include "libs/base/encoding.h"
#include "libs/base/status.h"
#include "libs/security/claims_codec.h"

namespace holdfast::security {
namespace {

constexpr std::size_t kMaxTokenBytes = 8192;
constexpr std::size_t kPlayTagBytes = 16;

struct TokenParts {
  std::string_view key_id;
  std::string_view payload;
  std::string_view covered;  // what the signature is over: "<key id>.<payload>"
  std::string_view signature;
};

absl::StatusOr<TokenParts> Split(std::string_view token) {
  if (token.empty()) return Unauthenticated("no token");
  if (token.size() > kMaxTokenBytes) return Unauthenticated("token is too long");
  const std::size_t first = token.find('.');
  const std::size_t last = token.rfind('.');
  if (first == last || token.find('.', first + 1) != last) {
    return Unauthenticated("token does not have three parts");
  }
  return TokenParts{.key_id = token.substr(0, first),
                    .payload = token.substr(first + 1, last - first - 1),
                    .covered = token.substr(0, last),
                    .signature = token.substr(last + 1)};
}

// The claims of a token whose signature is good.
template <class Claims>
absl::StatusOr<Claims> Accept(std::string_view payload, WallTime now,
                              std::optional<Claims> (*decode)(std::string_view)) {
  const std::optional<std::string> bytes = FromBase64Url(payload);
  std::optional<Claims> claims = bytes ? decode(*bytes) : std::nullopt;
  if (!claims) return Unauthenticated("token carries no such claims");
  if (EpochSeconds(now) >= claims->expires_at) return Unauthenticated("token expired");
  return *std::move(claims);
}

std::string Covered(const std::string& key_id, const std::string& payload) {
  return key_id + "." + ToBase64Url(payload);
}

std::string PlayTag(const HmacKey& key, std::string_view covered) {
  const auto tag = key.Sign(covered);
  return ToBase64Url({reinterpret_cast<const char*>(tag.data()), kPlayTagBytes});
}

}  // namespace

std::string SignPortalToken(const PortalClaims& claims, const KeySet& keys) {
  const std::string& key_id = keys.signing_key_id();
  const std::string* key = keys.ed25519_key(key_id);
  const std::optional<std::string> payload = Encode(claims);
  if (key == nullptr || !payload) return "";
  std::string token = Covered(key_id, *payload);
  std::string signature(crypto_sign_BYTES, '\0');
  crypto_sign_detached(reinterpret_cast<unsigned char*>(signature.data()), nullptr,
                       reinterpret_cast<const unsigned char*>(token.data()), token.size(),
                       reinterpret_cast<const unsigned char*>(key->data()));
  return token + "." + ToBase64Url(signature);
}

absl::StatusOr<PortalClaims> VerifyPortalToken(std::string_view token, const KeySet& keys,
                                               WallTime now) {
  HOLDFAST_ASSIGN_OR_RETURN(const TokenParts parts, Split(token));
  const std::string* key = keys.public_key(parts.key_id);
  if (key == nullptr) return Unauthenticated("token was made with an unknown key");
  const std::optional<std::string> signature = FromBase64Url(parts.signature);
  // Encoding again refuses the other texts that decode to the same bytes: one token, one spelling.
  if (!signature || signature->size() != crypto_sign_BYTES ||
      ToBase64Url(*signature) != parts.signature ||
      crypto_sign_verify_detached(reinterpret_cast<const unsigned char*>(signature->data()),
                                  reinterpret_cast<const unsigned char*>(parts.covered.data()),
                                  parts.covered.size(),
                                  reinterpret_cast<const unsigned char*>(key->data())) != 0) {
    return Unauthenticated("token is forged");
  }
  return Accept<PortalClaims>(parts.payload, now, DecodePortalClaims);
}

std::string SignPlayToken(const PlayClaims& claims, const KeySet& keys) {
  const std::string& key_id = keys.signing_key_id();
  const HmacKey* key = keys.hmac_key(key_id);
  const std::optional<std::string> payload = Encode(claims);
  if (key == nullptr || !payload) return "";
  std::string token = Covered(key_id, *payload);
  const std::string tag = PlayTag(*key, token);
  return token.append(".").append(tag);
}

absl::StatusOr<PlayClaims> VerifyPlayToken(std::string_view token, const KeySet& keys,
                                           WallTime now) {
  HOLDFAST_ASSIGN_OR_RETURN(const TokenParts parts, Split(token));
  const HmacKey* key = keys.hmac_key(parts.key_id);
  if (key == nullptr) return Unauthenticated("token was made with an unknown key");
  if (!ConstantTimeEqual(PlayTag(*key, parts.covered), parts.signature)) {
    return Unauthenticated("token is forged");
  }
  return Accept<PlayClaims>(parts.payload, now, DecodePlayClaims);
}

}  // namespace holdfast::security
