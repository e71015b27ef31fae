#include "services/drm/clear_key.h"

#include <rapidjson/document.h>

#include <optional>

#include "libs/base/encoding.h"
#include "libs/base/status.h"

namespace holdfast::drm {
namespace {

constexpr std::size_t kMaxRequestBytes = 16 * 1024;
constexpr std::size_t kMaxKeyIds = 32;
constexpr std::size_t kKeyIdBytes = 16;

}  // namespace

absl::StatusOr<std::vector<std::string>> ParseClearKeyRequest(std::string_view json) {
  if (json.size() > kMaxRequestBytes) return InvalidArgument("licence request is too long");
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(json.data(), json.size());
  if (document.HasParseError() || !document.IsObject()) {
    return InvalidArgument("licence request is not a JSON object");
  }
  const auto kids = document.FindMember("kids");
  if (kids == document.MemberEnd() || !kids->value.IsArray() || kids->value.Empty() ||
      kids->value.Size() > kMaxKeyIds) {
    return InvalidArgument("licence request names no kids, or more than {}", kMaxKeyIds);
  }
  std::vector<std::string> key_ids;
  for (const auto& kid : kids->value.GetArray()) {
    const std::optional<std::string> bytes =
        kid.IsString() ? FromBase64Url({kid.GetString(), kid.GetStringLength()}) : std::nullopt;
    if (!bytes || bytes->size() != kKeyIdBytes) {
      return InvalidArgument("a kid is 16 bytes in base64url without padding");
    }
    key_ids.push_back(*bytes);
  }
  return key_ids;
}

// Base64url needs no escapes in JSON.
std::string ClearKeyLicense(const ClearKeys& keys) {
  std::string json = R"({"keys":[)";
  for (const auto& [key_id, key] : keys) {
    if (json.back() == '}') json += ',';
    json += fmt::format(R"({{"kty":"oct","kid":"{}","k":"{}"}})", ToBase64Url(key_id),
                        ToBase64Url(key));
  }
  return json + R"(],"type":"temporary"})";
}

}  // namespace holdfast::drm
