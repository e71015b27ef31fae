#include "libs/security/url_signer.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include "libs/base/check.h"
#include "libs/base/encoding.h"

namespace holdfast::security {
namespace {

std::string Md5(std::string_view text) {
  // Looking an algorithm up by name takes a lock and longer than hashing a link: once.
  static EVP_MD* const md5 = EVP_MD_fetch(nullptr, "MD5", nullptr);
  HOLDFAST_CHECK(md5 != nullptr);
  std::string digest(16, '\0');
  HOLDFAST_CHECK(EVP_Digest(text.data(), text.size(),
                            reinterpret_cast<unsigned char*>(digest.data()), nullptr, md5,
                            nullptr) == 1);
  return digest;
}

}  // namespace

std::string SignLinkPath(const LinkParts& parts, std::string_view secret) {
  const std::string_view token = parts.play_token.empty() ? "-" : parts.play_token;
  const std::string covered =
      fmt::format("{}/{}/{}", EpochSeconds(parts.expires), token, parts.directory);
  const std::string signature = ToBase64Url(Md5(fmt::format("{} {}", covered, secret)));
  return fmt::format("/s/{}/{}/{}", signature, covered, parts.file);
}

}  // namespace holdfast::security
