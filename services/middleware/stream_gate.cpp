#include "services/middleware/stream_gate.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "services/middleware/domain/mac.h"
#include "services/middleware/rest_call.h"

namespace holdfast::middleware {
namespace {

constexpr std::size_t kMostNames = 4;  // of one sentence

}  // namespace

bool StreamGate::Admits(const Device& device, const Entitlement& entitlement,
                        std::uint64_t content) {
  return slots_.Take(device.account,
                     {.device = device.mac, .limit = entitlement.max_streams, .content = content});
}

std::optional<Degradation> StreamGate::Alone(const Entitlement& entitlement) const {
  if (entitlement.max_streams <= 0 || !slots_.enforced()) return std::nullopt;
  const auto age = slots_.AloneSince();
  if (!age) return std::nullopt;
  return Degradation{Neighbour::kRedis, age};
}

std::string StreamGate::Words(const AccountId& account, const Entitlement& entitlement) const {
  const int limit = entitlement.max_streams;
  std::string words = absl::StrCat("Your subscription lets ", limit,
                                   limit == 1 ? " device" : " devices", " play at once.");
  std::size_t named = 0;
  for (const NamedStream& stream : List(account)) {
    if (named == kMostNames) {
      words += " and others";
      break;
    }
    words += named++ == 0 ? " Playing now: " : ", ";
    words += stream.model.empty() ? "an app" : stream.model;
  }
  if (named > 0) words += ". Stop one of them and try again.";
  return words;
}

std::vector<NamedStream> StreamGate::List(const AccountId& account) const {
  std::vector<NamedStream> streams;
  for (ShownStream& shown : slots_.List(account)) {
    NamedStream& named = streams.emplace_back();
    if (const SharedDevice device = devices_.Find(shown.device)) {
      named.device_id = device->id;
      named.model = device->model;
    } else if (!Mac::Parse(shown.device)) {
      named.model = shown.device.substr(shown.device.rfind(' ') + 1);
    }
    named.shown = std::move(shown);
  }
  return streams;
}

void StreamGate::Append(JsonWriter& json, const AccountId& account, std::string_view own) const {
  json.BeginArray();
  for (const NamedStream& stream : List(account)) {
    json.BeginObject().Key("device_id");
    if (stream.device_id != 0) {
      json.String(stream.device_id);
    } else {
      json.Null();
    }
    json.Field("model", stream.model).Field("since", Rfc3339(stream.shown.since_ms / 1000));
    json.Field("own", stream.shown.device == own).EndObject();
  }
  json.EndArray();
}

}  // namespace holdfast::middleware
