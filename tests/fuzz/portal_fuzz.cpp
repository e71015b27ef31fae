// What a box, or a stranger, puts into a portal request and its headers: everything that is read
// before and while a known device's call is answered. First line: cookies; second: bearer token;
// the rest: the query.
#include <cstdint>
#include <string>
#include <string_view>

#include "libs/base/check.h"
#include "libs/http/message.h"
#include "libs/security/key_set.h"
#include "services/middleware/domain/device.h"
#include "services/middleware/domain/firmware.h"
#include "services/middleware/domain/guide.h"
#include "services/middleware/domain/hardware.h"
#include "services/middleware/domain/mac.h"
#include "services/middleware/json_writer.h"
#include "services/middleware/sessions.h"
#include "services/middleware/zones.h"

namespace holdfast::middleware {
namespace {

std::string_view TakeLine(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

void CheckRequest(std::string_view input) {
  static telemetry::Metrics metrics;
  static const auto keys = security::KeySet::ForTest("k1", "0123456789abcdef0123456789abcdef");
  static Sessions sessions(keys, {.cached_tokens = 64}, metrics);
  static Zones zones("UTC");
  const WallTime now = FromEpochSeconds(1767348000);

  const std::string_view cookies = TakeLine(input);
  const std::string_view bearer = TakeLine(input);
  const auto mac = Mac::Parse(http::CookieValue(cookies, "mac"));
  if (mac) HOLDFAST_CHECK(Mac::Parse(mac->text()) == mac);
  const NamedZone zone = zones.Find(http::CookieValue(cookies, "timezone"));

  const ExaminedToken examined = sessions.Examine(bearer, now);
  // Nobody who does not hold the key makes a token of ours.
  HOLDFAST_CHECK(examined.token.kind != OfferedToken::Kind::kOurs);
  if (mac) HOLDFAST_CHECK(CheckSession(examined.token, *mac, nullptr) == SessionVerdict::kRefused);

  const http::Form form(input);
  for (const auto& [name, value] : form.fields()) {
    HOLDFAST_CHECK(ParseFavourites(value).size() <= kMaxFavourites);
    HOLDFAST_CHECK(ParseChannelId(value).value() >= 0);
    const auto day = LocalDay(value, zone.zone);
    if (day) HOLDFAST_CHECK(day->from < day->to);
    PlayerVersionIn(value);
    const std::string id(value);
    const HardwareIds ids{.device_id = id, .device_id2 = id, .serial_number = "1"};
    Device device;
    device.hardware_id = id;
    device.settings[std::string(kHardwareIds)] = {HardwareSetting(ids), 1};
    HOLDFAST_CHECK(BoundIds(device).device_id == value);  // never another box's
    std::string json;
    JsonWriter(json).BeginObject().Key("value").String(value).EndObject();
    HOLDFAST_CHECK(json.find('\n') == std::string::npos);
  }
}

}  // namespace
}  // namespace holdfast::middleware

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  holdfast::middleware::CheckRequest(std::string(reinterpret_cast<const char*>(data), size));
  return 0;
}
