#include "services/middleware/rest_streams.h"

#include <utility>

#include "services/middleware/app_call.h"
#include "services/middleware/json_writer.h"

namespace holdfast::middleware {

http::Response RestStreams::Marked(const RestCall& call, http::Response response) const {
  if (const auto alone = gate_.Alone(*call.knowledge.entitlement)) {
    MarkDegraded(response, {*alone}, "rest", metrics_);
  }
  return response;
}

http::Response RestStreams::TooMany(const RestCall& call) const {
  return Marked(call, Problem(403, "too-many-streams",
                              gate_.Words(call.account(), *call.knowledge.entitlement),
                              [&](JsonWriter& json) {
                                json.Key("streams");
                                gate_.Append(json, call.account(), call.device->mac);
                              }));
}

std::optional<http::Response> RestStreams::Refuse(const RestCall& call, std::uint64_t content) {
  if (gate_.Admits(*call.device, *call.knowledge.entitlement, content)) return std::nullopt;
  return TooMany(call);
}

http::Response RestStreams::List(const RestCall& call) const {
  std::string text;
  JsonWriter json(text);
  json.BeginObject().Field("max_streams", call.knowledge.entitlement->max_streams).Key("items");
  gate_.Append(json, call.account(), call.device->mac);
  json.EndObject();
  return Marked(call, FreshJson(std::move(text)));
}

http::Response RestStreams::Keep(const RestCall& call) {
  const bool may =
      gate_.slots().Take(call.account(), {.device = call.device->mac,
                                          .limit = call.knowledge.entitlement->max_streams,
                                          .vouches = true});
  return may ? Marked(call, NoContent()) : TooMany(call);
}

http::Response RestStreams::End(const RestCall& call) {
  gate_.slots().GiveBack(call.account(), call.device->mac);
  return NoContent();
}

}  // namespace holdfast::middleware
