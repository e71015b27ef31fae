// Tokens as they arrive in requests: the text as a whole, and the record inside as if its signature
// were right.
#include <cstdint>
#include <string>
#include <string_view>

#include "libs/base/check.h"
#include "libs/security/claims_codec.h"

namespace holdfast::security {
namespace {

// One claim has one encoding: what can be read is written the same.
template <class Claims>
void CheckOneEncoding(const std::optional<Claims>& claims, std::string_view bytes) {
  if (claims) HOLDFAST_CHECK(Encode(*claims) == bytes);
}

void CheckToken(std::string_view bytes) {
  static const KeySet keys = KeySet::ForTest("2026-01", "0123456789abcdef0123456789abcdef");
  const WallTime now = FromEpochSeconds(1767348000);
  CheckOneEncoding(DecodePortalClaims(bytes), bytes);
  CheckOneEncoding(DecodePlayClaims(bytes), bytes);
  // Whoever has not the key makes no token: what verifies is what signing gives.
  if (const auto claims = VerifyPortalToken(bytes, keys, now); claims.ok()) {
    HOLDFAST_CHECK(SignPortalToken(*claims, keys) == bytes);
  }
  if (const auto claims = VerifyPlayToken(bytes, keys, now); claims.ok()) {
    HOLDFAST_CHECK(SignPlayToken(*claims, keys) == bytes);
  }
}

}  // namespace
}  // namespace holdfast::security

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  holdfast::security::CheckToken({reinterpret_cast<const char*>(data), size});
  return 0;
}
