#include "libs/security/hmac.h"

#include <sodium.h>

#include <cstring>

#include "libs/base/check.h"

namespace holdfast::security {
namespace {

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

HmacKey::HmacKey(std::string_view secret) {
  static_assert(sizeof(crypto_auth_hmacsha256_state) == sizeof(keyed_state_));
  InitSodium();
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, Bytes(secret), secret.size());
  std::memcpy(keyed_state_.data(), &state, sizeof(state));
}

std::array<std::uint8_t, 32> HmacKey::Sign(std::string_view message) const {
  crypto_auth_hmacsha256_state state;
  std::memcpy(&state, keyed_state_.data(), sizeof(state));
  std::array<std::uint8_t, 32> tag;
  crypto_auth_hmacsha256_update(&state, Bytes(message), message.size());
  crypto_auth_hmacsha256_final(&state, tag.data());
  return tag;
}

bool ConstantTimeEqual(std::string_view a, std::string_view b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

void InitSodium() {
  static const bool ready = sodium_init() >= 0;
  HOLDFAST_CHECK(ready);
}

}  // namespace holdfast::security
