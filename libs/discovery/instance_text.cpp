#include "libs/discovery/instance_text.h"

#include <rapidjson/document.h>
#include <rapidjson/error/en.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <charconv>

#include "libs/base/status.h"

namespace holdfast::discovery {
namespace {

constexpr std::size_t kMaxText = 4096;
constexpr std::size_t kMaxLists = 8 << 20;
constexpr std::size_t kMaxWord = 128;

bool IsPrintableWord(std::string_view word) {
  return std::all_of(word.begin(), word.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

// The member's text, "" if absent; an error if it is something else.
absl::StatusOr<std::string> Text(const rapidjson::Value& json, const char* name) {
  const auto member = json.FindMember(name);
  if (member == json.MemberEnd()) return std::string();
  if (!member->value.IsString()) return InvalidArgument("{} is not text", name);
  std::string text(member->value.GetString(), member->value.GetStringLength());
  if (!IsWord(text)) {
    return InvalidArgument("{} is not a printable word of at most {} characters", name, kMaxWord);
  }
  return text;
}

absl::StatusOr<int> Weight(const rapidjson::Value& json) {
  const auto weight = json.FindMember("weight");
  if (weight == json.MemberEnd()) return Instance().weight;
  if (!weight->value.IsInt() || !IsWeight(weight->value.GetInt())) {
    return InvalidArgument("weight is not a number from 1 to 1000");
  }
  return weight->value.GetInt();
}

absl::StatusOr<State> StateOf(const rapidjson::Value& json) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string state, Text(json, "state"));
  if (state.empty() || state == "serving") return State::kServing;
  if (state == "draining") return State::kDraining;
  return InvalidArgument("state is neither serving nor draining");
}

// All but the id.
absl::StatusOr<Instance> ReadInstance(const rapidjson::Value& json) {
  if (!json.IsObject()) return InvalidArgument("not a JSON object");
  Instance instance;
  HOLDFAST_ASSIGN_OR_RETURN(instance.address, Text(json, "address"));
  HOLDFAST_ASSIGN_OR_RETURN(instance.zone, Text(json, "zone"));
  HOLDFAST_ASSIGN_OR_RETURN(instance.version, Text(json, "version"));
  HOLDFAST_ASSIGN_OR_RETURN(instance.weight, Weight(json));
  HOLDFAST_ASSIGN_OR_RETURN(instance.state, StateOf(json));
  if (!IsAddress(instance.address)) return InvalidArgument("address is not host:port");
  return instance;
}

absl::StatusOr<InstanceSet> ReadList(const rapidjson::Value& list) {
  if (!list.IsArray()) return InvalidArgument("not a list");
  InstanceSet set;
  StringSet ids;
  for (const rapidjson::Value& entry : list.GetArray()) {
    absl::StatusOr<Instance> instance = ReadInstance(entry);
    if (!instance.ok()) return Annotate(instance.status(), fmt::format("entry {}", set.size()));
    HOLDFAST_ASSIGN_OR_RETURN(instance->id, Text(entry, "id"));
    if (instance->id.empty()) instance->id = instance->address;
    if (!IsId(instance->id)) return InvalidArgument("entry {}: not an instance id", set.size());
    if (!ids.insert(instance->id).second)
      return InvalidArgument("{} is listed twice", instance->id);
    set.push_back(*std::move(instance));
  }
  return set;
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

bool IsWeight(long weight) { return weight >= 1 && weight <= 1000; }

bool IsWord(std::string_view word) { return word.size() <= kMaxWord && IsPrintableWord(word); }

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
  if (instance.state == State::kDraining) put("state", "draining");
  writer.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

absl::StatusOr<Instance> ParseInstance(std::string_view id, std::string_view text) {
  if (!IsId(id)) return InvalidArgument("not an instance id");
  if (text.size() > kMaxText) return InvalidArgument("longer than {} bytes", kMaxText);
  rapidjson::Document json;
  json.Parse<rapidjson::kParseIterativeFlag>(text.data(), text.size());
  if (json.HasParseError()) return InvalidArgument("not a JSON object");
  HOLDFAST_ASSIGN_OR_RETURN(Instance instance, ReadInstance(json));
  instance.id = std::string(id);
  return instance;
}

absl::StatusOr<StringMap<InstanceSet>> ParseInstanceLists(std::string_view text) {
  if (text.size() > kMaxLists) return InvalidArgument("longer than {} bytes", kMaxLists);
  rapidjson::Document json;
  json.Parse<rapidjson::kParseIterativeFlag>(text.data(), text.size());
  if (json.HasParseError()) {
    return InvalidArgument("not JSON at byte {}: {}", json.GetErrorOffset(),
                           rapidjson::GetParseError_En(json.GetParseError()));
  }
  if (!json.IsObject()) return InvalidArgument("not a JSON object");
  StringMap<InstanceSet> services;
  const rapidjson::Value& object = json;
  for (auto member = object.MemberBegin(); member != object.MemberEnd(); ++member) {
    const std::string service(member->name.GetString(), member->name.GetStringLength());
    if (!IsServiceName(service)) return InvalidArgument("a name that is no service's name");
    absl::StatusOr<InstanceSet> set = ReadList(member->value);
    if (!set.ok()) return Annotate(set.status(), service);
    if (!services.try_emplace(service, *std::move(set)).second) {
      return InvalidArgument("{} is named twice", service);
    }
  }
  return services;
}

}  // namespace holdfast::discovery
