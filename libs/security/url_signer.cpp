// OpenSSL's direct interface: the general one takes an allocation and half again the time.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "libs/security/url_signer.h"

#include <fmt/format.h>
#include <openssl/md5.h>

#include "libs/base/encoding.h"

namespace holdfast::security {
namespace {

constexpr std::string_view kPrefix = "/s/";
constexpr std::size_t kSignatureSize = 22;  // MD5 in base64url without padding

// Of "<covered> <secret>", in base64url.
std::string Signature(std::string_view covered, std::string_view secret) {
  MD5_CTX hash;
  MD5_Init(&hash);
  MD5_Update(&hash, covered.data(), covered.size());
  MD5_Update(&hash, " ", 1);
  MD5_Update(&hash, secret.data(), secret.size());
  unsigned char digest[MD5_DIGEST_LENGTH];
  MD5_Final(digest, &hash);
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
