#include "libs/discovery/endpoint_slice.h"

#include <rapidjson/document.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "libs/base/status.h"
#include "libs/discovery/instance_text.h"

namespace holdfast::discovery {
namespace {

using rapidjson::Value;

constexpr std::size_t kLongestReason = 200;
constexpr char kVersionLabel[] = "app.kubernetes.io/version";
constexpr char kWeightLabel[] = "holdfast.internal/weight";

// The member, or null if it is absent or `object` is none.
const Value* Member(const Value& object, const char* name) {
  if (!object.IsObject()) return nullptr;
  const auto member = object.FindMember(name);
  return member == object.MemberEnd() || member->value.IsNull() ? nullptr : &member->value;
}

std::string Text(const Value& object, const char* name) {
  const Value* member = Member(object, name);
  if (member == nullptr || !member->IsString()) return "";
  return {member->GetString(), member->GetStringLength()};
}

// Of text in text: metadata.name.
std::string MetadataText(const Value& object, const char* name) {
  const Value* metadata = Member(object, "metadata");
  return metadata == nullptr ? "" : Text(*metadata, name);
}

std::string Label(const Value& slice, const char* name) {
  const Value* metadata = Member(slice, "metadata");
  const Value* labels = metadata == nullptr ? nullptr : Member(*metadata, "labels");
  return labels == nullptr ? "" : Text(*labels, name);
}

// 0: the slice has no such port.
int PortOf(const Value& slice, std::string_view name) {
  const Value* ports = Member(slice, "ports");
  if (ports == nullptr || !ports->IsArray()) return 0;
  for (const Value& port : ports->GetArray()) {
    const Value* number = Member(port, "port");
    if (number == nullptr || !number->IsInt()) continue;
    if (ports->Size() == 1 || Text(port, "name") == name) return number->GetInt();
  }
  return 0;
}

int WeightOf(const Value& slice) {
  const std::string text = Label(slice, kWeightLabel);
  int weight = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), weight);
  const bool is_number = error == std::errc() && end == text.data() + text.size();
  return is_number && IsWeight(weight) ? weight : Instance().weight;
}

// Nothing: not listed. An absent `ready` counts as true, an absent `serving` as `ready`.
std::optional<State> StateOf(const Value& endpoint) {
  const Value* conditions = Member(endpoint, "conditions");
  const auto condition = [&](const char* name, bool otherwise) {
    const Value* value = conditions == nullptr ? nullptr : Member(*conditions, name);
    return value == nullptr || !value->IsBool() ? otherwise : value->GetBool();
  };
  const bool terminating = condition("terminating", false);
  const bool ready = condition("ready", !terminating);
  if (ready && !terminating) return State::kServing;
  if (terminating && condition("serving", ready)) return State::kDraining;
  return std::nullopt;
}

std::string AddressOf(const Value& endpoint, bool ipv6, int port) {
  const Value* addresses = Member(endpoint, "addresses");
  if (addresses == nullptr || !addresses->IsArray() || addresses->Empty()) return "";
  const Value& first = (*addresses)[0];  // the others mean the same
  if (!first.IsString()) return "";
  const std::string host(first.GetString(), first.GetStringLength());
  return fmt::format("{}{}{}:{}", ipv6 ? "[" : "", host, ipv6 ? "]" : "", port);
}

std::string WordOrNone(std::string word) { return IsWord(word) ? std::move(word) : ""; }

EndpointSlice ReadSlice(const Value& json, std::string_view port_name) {
  EndpointSlice slice{.name = MetadataText(json, "name"),
                      .ipv6 = Text(json, "addressType") == "IPv6"};
  const Value* endpoints = Member(json, "endpoints");
  const int port = PortOf(json, port_name);
  if (endpoints == nullptr || !endpoints->IsArray()) return slice;
  const std::string version = WordOrNone(Label(json, kVersionLabel));
  const int weight = WeightOf(json);
  for (const Value& endpoint : endpoints->GetArray()) {
    const std::optional<State> state = StateOf(endpoint);
    if (!state) continue;
    const Value* target = Member(endpoint, "targetRef");
    Instance instance{.id = target == nullptr ? "" : Text(*target, "name"),
                      .address = AddressOf(endpoint, slice.ipv6, port),
                      .zone = WordOrNone(Text(endpoint, "zone")),
                      .version = version,
                      .weight = weight,
                      .state = *state};
    if (instance.id.empty()) instance.id = instance.address;
    if (IsAddress(instance.address) && IsId(instance.id)) {
      slice.instances.push_back(std::move(instance));
    }
  }
  return slice;
}

absl::StatusOr<rapidjson::Document> ParseObject(std::string_view text) {
  rapidjson::Document json;
  json.Parse<rapidjson::kParseIterativeFlag>(text.data(), text.size());
  if (json.HasParseError() || !json.IsObject()) return InvalidArgument("not a JSON object");
  return json;
}

}  // namespace

absl::StatusOr<EndpointSlicePage> ParseEndpointSlices(std::string_view text,
                                                      std::string_view port_name) {
  HOLDFAST_ASSIGN_OR_RETURN(const rapidjson::Document json, ParseObject(text));
  EndpointSlicePage page{.resource_version = MetadataText(json, "resourceVersion"),
                         .next = MetadataText(json, "continue")};
  if (page.resource_version.empty()) return InvalidArgument("a list without resourceVersion");
  const Value* items = Member(json, "items");
  if (items == nullptr) return page;
  if (!items->IsArray()) return InvalidArgument("items is not a list");
  for (const Value& item : items->GetArray()) {
    page.slices.push_back(ReadSlice(item, port_name));
    if (page.slices.back().name.empty()) return InvalidArgument("a slice without name");
  }
  return page;
}

absl::StatusOr<EndpointSliceEvent> ParseEndpointSliceEvent(std::string_view text,
                                                           std::string_view port_name) {
  using Kind = EndpointSliceEvent::Kind;
  HOLDFAST_ASSIGN_OR_RETURN(const rapidjson::Document json, ParseObject(text));
  const std::string type = Text(json, "type");
  const Value* object = Member(json, "object");
  if (object == nullptr) return InvalidArgument("an event without object");
  EndpointSliceEvent event;
  if (type == "ERROR") {
    const Value* code = Member(*object, "code");
    const bool gone = code != nullptr && code->IsInt() && code->GetInt() == 410;
    event.kind = gone ? Kind::kExpired : Kind::kError;
    event.reason = Text(*object, "message").substr(0, kLongestReason);
    return event;
  }
  event.resource_version = MetadataText(*object, "resourceVersion");
  if (event.resource_version.empty()) return InvalidArgument("an event without resourceVersion");
  if (type == "BOOKMARK") {
    event.kind = Kind::kBookmark;
    return event;
  }
  if (type != "ADDED" && type != "MODIFIED" && type != "DELETED") {
    return InvalidArgument("an event of an unknown type");
  }
  event.kind = type == "DELETED" ? Kind::kDeleted : Kind::kChanged;
  event.slice = ReadSlice(*object, port_name);
  if (event.slice.name.empty()) return InvalidArgument("a slice without name");
  return event;
}

std::string ReasonOf(std::string_view text) {
  const absl::StatusOr<rapidjson::Document> json = ParseObject(text);
  return json.ok() ? Text(*json, "message").substr(0, kLongestReason) : "";
}

InstanceSet Merged(const EndpointSlices& slices) {
  struct Listed {
    bool ipv6;
    Instance instance;
  };
  OrderedStringMap<Listed> by_id;
  for (const auto& [name, slice] : slices) {
    for (const Instance& instance : slice.instances) {
      const auto [known, is_new] = by_id.try_emplace(instance.id, Listed{slice.ipv6, instance});
      if (is_new) continue;
      const auto rank = [](bool ipv6, State state) {
        return std::pair(ipv6, state == State::kDraining);
      };
      if (rank(slice.ipv6, instance.state) <
          rank(known->second.ipv6, known->second.instance.state)) {
        known->second = {slice.ipv6, instance};
      }
    }
  }
  InstanceSet set;
  for (auto& [id, listed] : by_id) set.push_back(std::move(listed.instance));
  return set;
}

}  // namespace holdfast::discovery
