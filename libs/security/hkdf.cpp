#include "libs/security/hkdf.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <memory>

#include "libs/base/check.h"

namespace holdfast::security {
namespace {

OSSL_PARAM Octets(const char* name, std::string_view value) {
  return OSSL_PARAM_construct_octet_string(name, const_cast<char*>(value.data()), value.size());
}

}  // namespace

std::string HkdfSha256(const HkdfInput& input, std::size_t length) {
  // Looking an algorithm up by name takes a lock and longer than the derivation: once.
  static EVP_KDF* const kdf = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
  HOLDFAST_CHECK(kdf != nullptr);
  const std::unique_ptr<EVP_KDF_CTX, decltype(&EVP_KDF_CTX_free)> context(EVP_KDF_CTX_new(kdf),
                                                                          &EVP_KDF_CTX_free);
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
      Octets(OSSL_KDF_PARAM_KEY, input.key),
      Octets(OSSL_KDF_PARAM_SALT, input.salt),
      Octets(OSSL_KDF_PARAM_INFO, input.info),
      OSSL_PARAM_construct_end(),
  };
  std::string derived(length, '\0');
  HOLDFAST_CHECK(EVP_KDF_derive(context.get(), reinterpret_cast<unsigned char*>(derived.data()),
                                length, parameters) == 1);
  return derived;
}

}  // namespace holdfast::security
