#include "libs/security/password.h"

#include <sodium.h>

#include "libs/base/check.h"
#include "libs/security/hmac.h"

namespace holdfast::security {

std::string HashPassword(std::string_view password) {
  InitSodium();
  std::string hash(crypto_pwhash_STRBYTES, '\0');
  const int failed = crypto_pwhash_str_alg(
      hash.data(), password.data(), password.size(), crypto_pwhash_OPSLIMIT_INTERACTIVE,
      crypto_pwhash_MEMLIMIT_INTERACTIVE, crypto_pwhash_ALG_ARGON2ID13);
  HOLDFAST_CHECK(failed == 0);  // only when 64 MiB cannot be had
  hash.resize(hash.find('\0'));
  return hash;
}

bool PasswordMatches(std::string_view password, std::string_view hash) {
  InitSodium();
  // libsodium reads up to a terminator and a fixed size: give it both.
  if (hash.size() >= crypto_pwhash_STRBYTES) return false;
  std::string padded(hash);
  padded.resize(crypto_pwhash_STRBYTES, '\0');
  return crypto_pwhash_str_verify(padded.c_str(), password.data(), password.size()) == 0;
}

}  // namespace holdfast::security
