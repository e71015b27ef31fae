#include <filesystem>

#include "libs/placement/placement.h"
#include "libs/security/secret_file.h"
#include "libs/security/url_signer.h"

namespace holdfast::placement {

LinkSecrets LinkSecrets::Load(const std::string& folder) {
  LinkSecrets secrets;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    if (it->path().extension() != ".key") continue;
    absl::StatusOr<std::string> secret = security::ReadTrimmedSecret(it->path().string());
    // A secret that cannot be read is one that is not held: its edges get no links, others do.
    if (secret.ok() && !secret->empty()) secrets.Set(it->path().stem().string(), *secret);
  }
  return secrets;
}

std::string LinkOn(const Edge& edge, const LinkRequest& request, const LinkSecrets& secrets) {
  std::string link;
  link.reserve(edge.base_url.size() + request.directory.size() + request.file.size() +
               request.play_token.size() + 64);
  link = edge.base_url;
  if (!edge.signing_key_id.empty()) {
    const std::string* secret = secrets.Get(edge.signing_key_id);
    if (secret == nullptr) return "";
    return link.append(security::SignLinkPath({.directory = request.directory,
                                               .file = request.file,
                                               .play_token = request.play_token,
                                               .expires = request.expires},
                                              *secret));
  }
  link.append("/").append(request.directory).append("/").append(request.file);
  if (!request.play_token.empty()) link.append("?token=").append(request.play_token);
  return link;
}

}  // namespace holdfast::placement
