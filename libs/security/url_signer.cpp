#include "libs/security/url_signer.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <memory>

#include "libs/base/check.h"
#include "libs/base/encoding.h"

namespace holdfast::security {
namespace {

constexpr std::string_view kPrefix = "/s/";
constexpr std::size_t kSignatureSize = 22;  // MD5 in base64url without padding

// MD5 of "<covered> <secret>". Looking an algorithm up by name takes a lock, and making a context
// takes longer than hashing a link: both are done once.
std::string Signature(std::string_view covered, std::string_view secret) {
  static EVP_MD* const md5 = EVP_MD_fetch(nullptr, "MD5", nullptr);
  thread_local const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(
      EVP_MD_CTX_new(), EVP_MD_CTX_free);
  unsigned char digest[16];
  HOLDFAST_CHECK(md5 != nullptr && EVP_DigestInit_ex2(context.get(), md5, nullptr) == 1 &&
                 EVP_DigestUpdate(context.get(), covered.data(), covered.size()) == 1 &&
                 EVP_DigestUpdate(context.get(), " ", 1) == 1 &&
                 EVP_DigestUpdate(context.get(), secret.data(), secret.size()) == 1 &&
                 EVP_DigestFinal_ex(context.get(), digest, nullptr) == 1);
  return ToBase64Url({reinterpret_cast<const char*>(digest), sizeof(digest)});
}

}  // namespace

std::string SignLinkPath(const LinkParts& parts, std::string_view secret) {
  const std::string_view token = parts.play_token.empty() ? "-" : parts.play_token;
  const fmt::format_int expires(EpochSeconds(parts.expires));
  std::string path;
  path.reserve(kPrefix.size() + kSignatureSize + expires.size() + token.size() +
               parts.directory.size() + parts.file.size() + 4);
  path.append(kPrefix).append(kSignatureSize, ' ').append("/");
  const std::size_t covered = path.size();
  path.append(expires.data(), expires.size()).append("/").append(token).append("/");
  path.append(parts.directory);
  const std::string signature = Signature(std::string_view(path).substr(covered), secret);
  path.replace(kPrefix.size(), kSignatureSize, signature);
  return path.append("/").append(parts.file);
}

}  // namespace holdfast::security
