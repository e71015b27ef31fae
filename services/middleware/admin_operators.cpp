#include "services/middleware/admin_operators.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_split.h"
#include "libs/base/status.h"
#include "libs/security/hmac.h"
#include "libs/security/secret_file.h"

namespace holdfast::middleware {
namespace {

constexpr std::size_t kShortestToken = 32;
constexpr std::size_t kLongestName = 64;

// Looked up by this: how long a search takes says nothing about a token.
std::string TagOf(std::string_view token) {
  static const security::HmacKey key("holdfast operator");
  const auto tag = key.Sign(token);
  return {reinterpret_cast<const char*>(tag.data()), tag.size()};
}

std::optional<Role> RoleOf(std::string_view word) {
  if (word == "viewer") return Role::kViewer;
  if (word == "support") return Role::kSupport;
  if (word == "editor") return Role::kEditor;
  return std::nullopt;
}

bool IsName(std::string_view name) {
  return name.size() <= kLongestName && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_' || c == '.' || c == '@';
         });
}

}  // namespace

absl::Status Operators::Load() {
  if (file_.empty()) return absl::OkStatus();
  HOLDFAST_ASSIGN_OR_RETURN(const std::string text, security::ReadSecretFile(file_));
  return Annotate(Read(text), file_);
}

absl::Status Operators::Read(std::string_view text) {
  StringMap<Operator> found;
  int number = 0;
  for (const absl::string_view raw :
       absl::StrSplit(absl::string_view(text.data(), text.size()), '\n')) {
    ++number;
    const std::vector<std::string> words =
        absl::StrSplit(raw, absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
    if (words.empty() || words.front().starts_with('#')) continue;
    if (words.size() != 3)
      return InvalidArgument("line {}: not a name, a role and a token", number);
    const std::optional<Role> role = RoleOf(words[1]);
    if (!IsName(words[0])) return InvalidArgument("line {}: the name has odd characters", number);
    if (!role) return InvalidArgument("line {}: no role '{}' is known", number, words[1]);
    if (words[2].size() < kShortestToken) {
      return InvalidArgument("line {}: the token has less than {} characters", number,
                             kShortestToken);
    }
    if (!found.emplace(TagOf(words[2]), Operator{words[0], *role}).second) {
      return InvalidArgument("line {}: the token stands above", number);
    }
  }
  absl::MutexLock lock(&mutex_);
  by_tag_ = std::move(found);
  return absl::OkStatus();
}

std::optional<Operator> Operators::Find(std::string_view token) const {
  if (token.size() < kShortestToken) return std::nullopt;
  const std::string tag = TagOf(token);
  absl::MutexLock lock(&mutex_);
  const Operator* found = holdfast::Find(by_tag_, tag);
  return found == nullptr ? std::nullopt : std::optional(*found);
}

}  // namespace holdfast::middleware
