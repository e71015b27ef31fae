// HMAC-SHA256 (RFC 2104) with the key's two blocks hashed once, when the key is made.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::security {

// A value; immutable, so any thread may use it.
class HmacKey {
 public:
  explicit HmacKey(std::string_view secret);

  std::array<std::uint8_t, 32> Sign(std::string_view message) const;

 private:
  std::array<std::uint64_t, 28> keyed_state_;  // of the inner and outer hash, after the key
};

// Equal in content, in a time that depends on the lengths only.
bool ConstantTimeEqual(std::string_view a, std::string_view b);

// Must run before anything else of libsodium; repeating it is free.
void InitSodium();

}  // namespace holdfast::security
