// The direct interface of OpenSSL's hashes, not the general one: it uses the processor's SHA
// instructions (a play token is signed in a sixth of the time that libsodium takes) and its states
// are plain values that can be copied without an allocation.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "libs/security/hmac.h"

#include <openssl/sha.h>
#include <sodium.h>

#include <algorithm>
#include <cstring>

#include "libs/base/check.h"

namespace holdfast::security {
namespace {

constexpr std::size_t kBlockBytes = 64;

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// A block of the key, mixed with the pad that RFC 2104 wants, already hashed.
SHA256_CTX HashedPad(const std::array<unsigned char, kBlockBytes>& key, unsigned char pad) {
  std::array<unsigned char, kBlockBytes> block;
  for (std::size_t i = 0; i < kBlockBytes; ++i) block[i] = key[i] ^ pad;
  SHA256_CTX hash;
  SHA256_Init(&hash);
  SHA256_Update(&hash, block.data(), block.size());
  return hash;
}

}  // namespace

HmacKey::HmacKey(std::string_view secret) {
  static_assert(2 * sizeof(SHA256_CTX) == sizeof(keyed_state_));
  std::array<unsigned char, kBlockBytes> key{};
  if (secret.size() > kBlockBytes) {
    SHA256(Bytes(secret), secret.size(), key.data());
  } else {
    std::copy(secret.begin(), secret.end(), key.begin());
  }
  const std::array<SHA256_CTX, 2> states = {HashedPad(key, 0x36), HashedPad(key, 0x5c)};
  std::memcpy(keyed_state_.data(), states.data(), sizeof(states));
  sodium_memzero(key.data(), key.size());
}

std::array<std::uint8_t, 32> HmacKey::Sign(std::string_view message) const {
  std::array<SHA256_CTX, 2> states;  // of the inner and the outer hash
  std::memcpy(states.data(), keyed_state_.data(), sizeof(states));
  std::array<std::uint8_t, 32> tag;
  SHA256_Update(&states[0], message.data(), message.size());
  SHA256_Final(tag.data(), &states[0]);
  SHA256_Update(&states[1], tag.data(), tag.size());
  SHA256_Final(tag.data(), &states[1]);
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
