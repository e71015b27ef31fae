// What an app, an operator's program or a stranger puts into a request of the REST APIs. First
// line: the Authorization header; second: a part of the path; third: the query; the rest: the body.
#include <rapidjson/document.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "holdfast/middleware/v1/middleware.pb.h"
#include "libs/base/check.h"
#include "libs/http/route_table.h"
#include "services/middleware/admin_call.h"
#include "services/middleware/admin_operators.h"
#include "services/middleware/audit.h"
#include "services/middleware/domain/m3u.h"
#include "services/middleware/domain/profile.h"
#include "services/middleware/domain/xtream_address.h"
#include "services/middleware/rest_call.h"
#include "services/middleware/rest_pages.h"

namespace holdfast::middleware {
namespace {

std::string_view TakeLine(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

bool IsJson(const std::string& text) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag>(
      text.data(), text.size());
  return !document.HasParseError();
}

void CheckParameters(const RestCall& call) {
  if (const auto limit = NumberBetween(call, "limit", 20, 1, 100)) {
    HOLDFAST_CHECK(*limit >= 1 && *limit <= 100);
  }
  for (const auto& [name, value] : call.form.fields()) {
    if (const auto cursor = ParseCursor(value)) {
      if (!value.empty()) HOLDFAST_CHECK(ParseCursor(ToText(*cursor)) == cursor);
    }
    if (const auto time = ParseCatchUpStart(value)) HOLDFAST_CHECK(Rfc3339(*time).size() >= 20);
    HOLDFAST_CHECK(!IsNumber(value) || ParseChannelId(value).value() >= 0);
    HOLDFAST_CHECK(IsJson(FieldProblem(400, "x", "field", value).text));
    HOLDFAST_CHECK(!IsItemKey(value) || CleanUtf8(value) == value);
    HOLDFAST_CHECK(ViewerOfProfile("acc", CleanUtf8(value)) != CleanUtf8(value));
    VodTitle title;
    title.age = value;
    HOLDFAST_CHECK(AgeOf(title) >= 0 && AgeOf(title) <= 150);
  }
}

// A page that is begun where a cursor says can be named by the same cursor.
void CheckPage(const RestCall& call) {
  const PageWish wish = WishForPage(call, 20, 100);
  HOLDFAST_CHECK(wish.problem || (wish.limit >= 1 && wish.limit <= 100));
  if (!wish.after) return;
  RestCall again;
  again.form = http::Form("cursor=" + CursorOf(*wish.after));
  HOLDFAST_CHECK(WishForPage(again, 20, 100).after == wish.after);
}

void CheckDeviceTime(const std::string& body) {
  const WallTime now = FromEpochSeconds(1767348000);
  const auto object = ParseObject(body);
  if (!object) return;
  const DeviceTime time = DeviceTimeIn(*object, now);
  HOLDFAST_CHECK(time.at_ms >= 0 && time.at_ms <= EpochMillis(now + std::chrono::minutes(2)));
  HOLDFAST_CHECK(time.sequence >= 0 && (time.at_ms > 0 || time.sequence == 0));
}

// A body that is accepted can be shown and written to the log; one that is not is told why.
template <class Message>
void CheckBody(const std::string& body) {
  Message message;
  const absl::Status read = ReadBody(body, message);
  if (read.ok()) {
    HOLDFAST_CHECK(IsJson(JsonOf(message)));
    const std::string log = AuditRequest(message);
    HOLDFAST_CHECK(log.size() <= 10'000 && CleanUtf8(log) == log);
    HOLDFAST_CHECK(CleanUtf8(AuditObject(message)) == AuditObject(message));
  } else {
    const http::Response problem = ProblemOf(read, *Message::descriptor());
    HOLDFAST_CHECK(problem.status == 400 && IsJson(problem.text));
  }
}

void CheckRequest(std::string_view input) {
  static Operators operators("");
  static const bool ready = operators.Read("ada editor 0123456789abcdef0123456789abcdef").ok();
  HOLDFAST_CHECK(ready);

  const std::string_view bearer = BearerOf(TakeLine(input));
  HOLDFAST_CHECK(bearer == "0123456789abcdef0123456789abcdef" || !operators.Find(bearer));
  operators.Read(input).IgnoreError();
  operators.Read("ada editor 0123456789abcdef0123456789abcdef").IgnoreError();

  AdminCall call;
  call.parts = {http::DecodePath(TakeLine(input))};
  HOLDFAST_CHECK(call.id() >= 0 && call.id(1) == 0);
  call.form = http::Form(TakeLine(input));
  CheckParameters(call);
  CheckPage(call);
  const std::string body(input);
  if (const auto object = ParseObject(body)) TextIn(*object, "name");
  CheckDeviceTime(body);
  CheckBody<v1::Channel>(body);
  CheckBody<v1::Genre>(body);
  CheckBody<v1::VodTitle>(body);
  CheckBody<v1::VodCategory>(body);
  CheckBody<v1::RadioStation>(body);
  CheckBody<v1::SendEventRequest>(body);
  CheckBody<v1::PutDeviceRequest>(body);
}

}  // namespace
}  // namespace holdfast::middleware

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  holdfast::middleware::CheckRequest(std::string(reinterpret_cast<const char*>(data), size));
  return 0;
}
