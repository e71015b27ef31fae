#include "services/middleware/oss_credentials.h"

#include <fstream>
#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "libs/base/status.h"
#include "libs/security/hmac.h"

namespace holdfast::middleware {
namespace {

constexpr std::size_t kShortestSecret = 12;
constexpr std::size_t kLongestHeader = 1024;

// What stands behind "<word> ", any case of the word.
std::optional<std::string_view> Behind(std::string_view word, std::string_view header) {
  if (header.size() <= word.size() || header[word.size()] != ' ') return std::nullopt;
  if (!absl::EqualsIgnoreCase(absl::string_view(header.data(), word.size()),
                              absl::string_view(word.data(), word.size()))) {
    return std::nullopt;
  }
  header.remove_prefix(word.size() + 1);
  while (header.starts_with(' ')) header.remove_prefix(1);
  return header;
}

}  // namespace

absl::StatusOr<OssCredentials> OssCredentials::Load(const std::string& file) {
  std::ifstream in(file);
  if (!in) return NotFound("{} cannot be read", file);
  std::ostringstream text;
  text << in.rdbuf();
  auto credentials = Parse(text.str());
  if (!credentials.ok()) return Annotate(credentials.status(), file);
  return credentials;
}

absl::StatusOr<OssCredentials> OssCredentials::Parse(std::string_view text) {
  OssCredentials credentials;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(absl::string_view(text.data(), text.size()), '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line.front() == '#') continue;
    const std::size_t colon = line.find(':');
    if (colon == 0 || colon == absl::string_view::npos) {
      return InvalidArgument("line {} is not name:secret", number);
    }
    if (line.size() - colon - 1 < kShortestSecret) {
      return InvalidArgument("the secret in line {} has less than {} characters", number,
                             kShortestSecret);
    }
    credentials.entries_.push_back(
        {std::string(line.substr(0, colon)), std::string(line.substr(colon + 1))});
  }
  if (credentials.entries_.empty()) return InvalidArgument("it names nobody");
  return credentials;
}

std::optional<std::string> OssCredentials::WhoIs(std::string_view authorization) const {
  if (authorization.size() > kLongestHeader) return std::nullopt;
  if (const auto bearer = Behind("Bearer", authorization)) {
    for (const Entry& entry : entries_) {
      if (security::ConstantTimeEqual(entry.secret, *bearer)) return entry.name;
    }
    return std::nullopt;
  }
  const auto basic = Behind("Basic", authorization);
  std::string pair;
  if (!basic || !absl::Base64Unescape(absl::string_view(basic->data(), basic->size()), &pair)) {
    return std::nullopt;
  }
  for (const Entry& entry : entries_) {
    if (security::ConstantTimeEqual(entry.name + ":" + entry.secret, pair)) return entry.name;
  }
  return std::nullopt;
}

}  // namespace holdfast::middleware
