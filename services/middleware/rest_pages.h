// REST v1: pages of what viewers keep. A position is a time and a key, so that a page begins behind
// its predecessor's last item also when that is gone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "services/middleware/domain/viewer_item.h"
#include "services/middleware/json_writer.h"
#include "services/middleware/rest_call.h"

namespace holdfast::middleware {

// What "limit" and "cursor" ask for.
struct PageWish {
  std::size_t limit = 0;
  std::optional<ItemPosition> after;      // nothing: from the beginning
  std::optional<http::Response> problem;  // they are none of ours
};
PageWish WishForPage(const RestCall& call, std::int64_t limit, std::int64_t highest_limit);

std::string CursorOf(const ItemPosition& position);

// Of an object that is open and holds `items`: "next_cursor", then the end of the object.
void EndPage(JsonWriter& json, const std::optional<ItemPosition>& last_if_more);

// When the device did it: "at" (RFC 3339) and "sequence" of a body.
struct DeviceTime {
  std::int64_t at_ms = 0;  // 0: it does not say
  std::int64_t sequence = 0;
  std::string wrong;  // the member at fault; "" if none is
};
DeviceTime DeviceTimeIn(const rapidjson::Value& body, WallTime now);
http::Response WrongDeviceTime(const DeviceTime& time);

}  // namespace holdfast::middleware
