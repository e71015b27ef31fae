#include "libs/discovery/instance_text.h"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <charconv>

#include "libs/base/status.h"

namespace holdfast::discovery {
namespace {

constexpr std::size_t kMaxText = 4096;
constexpr std::size_t kMaxWord = 128;

bool IsPrintableWord(std::string_view word) {
  return std::all_of(word.begin(), word.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

// The member's text, "" if absent; an error if it is something else.
absl::StatusOr<std::string> Text(const rapidjson::Document& json, const char* name) {
  const auto member = json.FindMember(name);
  if (member == json.MemberEnd()) return std::string();
  if (!member->value.IsString()) return InvalidArgument("{} is not text", name);
  std::string text(member->value.GetString(), member->value.GetStringLength());
  if (text.size() > kMaxWord || !IsPrintableWord(text)) {
    return InvalidArgument("{} is not a printable word of at most {} characters", name, kMaxWord);
  }
  return text;
}

}  // namespace

bool IsAddress(std::string_view address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos || colon == 0 || !IsPrintableWord(address)) return false;
  const std::string_view host = address.substr(0, colon);
  const bool bracketed = host.front() == '[' && host.back() == ']' && host.size() > 2;
  if (!bracketed && host.find_first_of(":[]/@") != std::string_view::npos) return false;
  int port = 0;
  const char* const end = address.data() + address.size();
  const auto [parsed, error] = std::from_chars(address.data() + colon + 1, end, port);
  return error == std::errc() && parsed == end && port >= 1 && port <= 65535;
}

bool IsId(std::string_view id) {
  return !id.empty() && id.size() <= kMaxWord && IsPrintableWord(id) &&
         id.find('/') == std::string_view::npos;
}

bool IsServiceName(std::string_view service) {
  return !service.empty() && service.size() <= kMaxWord &&
         std::all_of(service.begin(), service.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
         });
}

std::string ToText(const Instance& instance) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  const auto put = [&writer](const char* name, const std::string& value) {
    writer.Key(name);
    writer.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
  };
  writer.StartObject();
  put("address", instance.address);
  put("zone", instance.zone);
  put("version", instance.version);
  writer.Key("weight");
  writer.Int(instance.weight);
  writer.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

absl::StatusOr<Instance> ParseInstance(std::string_view id, std::string_view text) {
  if (!IsId(id)) return InvalidArgument("not an instance id");
  if (text.size() > kMaxText) return InvalidArgument("longer than {} bytes", kMaxText);
  rapidjson::Document json;
  json.Parse<rapidjson::kParseIterativeFlag>(text.data(), text.size());
  if (json.HasParseError() || !json.IsObject()) return InvalidArgument("not a JSON object");

  Instance instance{.id = std::string(id)};
  HOLDFAST_ASSIGN_OR_RETURN(instance.address, Text(json, "address"));
  HOLDFAST_ASSIGN_OR_RETURN(instance.zone, Text(json, "zone"));
  HOLDFAST_ASSIGN_OR_RETURN(instance.version, Text(json, "version"));
  if (!IsAddress(instance.address)) return InvalidArgument("address is not host:port");
  const auto weight = json.FindMember("weight");
  if (weight != json.MemberEnd()) {
    if (!weight->value.IsInt() || weight->value.GetInt() < 1 || weight->value.GetInt() > 1000) {
      return InvalidArgument("weight is not a number from 1 to 1000");
    }
    instance.weight = weight->value.GetInt();
  }
  return instance;
}

}  // namespace holdfast::discovery
