// One call of the operator's own apps (REST v1): what it asks, who it is, and the forms of answers.
// The contract is docs/api/openapi.json.
#pragma once

#include <rapidjson/document.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libs/http/message.h"
#include "services/middleware/body_cache.h"
#include "services/middleware/device_table.h"
#include "services/middleware/domain/entitlement.h"
#include "services/middleware/json_writer.h"
#include "services/middleware/portal_call.h"
#include "services/middleware/sessions.h"

namespace holdfast::middleware {

// A value; moves to a worker thread when the answer needs one.
struct RestCall {
  http::Form form;                 // of the query
  std::vector<std::string> parts;  // of the path, where the route names some
  std::string body;
  std::string bearer;
  std::string client_address;
  std::string client;  // the first word of its User-Agent
  std::string if_none_match;
  std::string request_line;  // "PUT /v1/favourites"
  std::string idempotency_key;
  std::string pin;      // X-Pin
  std::string profile;  // X-Profile: which person of the household; "": the household
  bool accepts_gzip = false;
  WallTime now;

  // Known once it is let in.
  ExaminedToken offered;
  SharedDevice device;
  Knowledge knowledge;  // entitlement never null

  std::string_view Get(std::string_view name) const { return form.Get(name); }
  const AccountId& account() const { return device->account; }
};

// "application/problem+json" (RFC 9457). `code` is one word that programs compare.
http::Response Problem(int status, std::string_view code, std::string_view detail);
// The same with further members.
http::Response Problem(int status, std::string_view code, std::string_view detail,
                       const std::function<void(JsonWriter&)>& more);
// The token of "Bearer <token>", or "".
std::string_view BearerOf(std::string_view authorization);

http::Response TryAgain(std::string_view detail);
// The same with the member of the body, or the parameter, that is at fault ("errors").
http::Response FieldProblem(int status, std::string_view code, std::string_view field,
                            std::string_view detail);

// A JSON body with an ETag of its content; 304 for who has it, gzip for who takes it and where it
// pays. Private: it is one account's.
http::Response JsonAnswer(const RestCall& call, std::string text);
// The same in two steps, for answers that are made once and sent to many.
Body JsonBody(std::string text);
http::Response JsonAnswer(const RestCall& call, const Body& body);
// One that must not be kept: links, tokens.
http::Response FreshJson(std::string text);

// "2026-01-02T10:00:00Z"
std::string Rfc3339(std::int64_t epoch_seconds);

// A body that is a JSON object; nothing for any other.
std::optional<rapidjson::Document> ParseObject(const std::string& body);
// A member that is a text; "" if it is absent or another thing.
std::string TextIn(const rapidjson::Value& object, const char* name);
// What could be written neither to the database nor to disk.
http::Response NotKept();
http::Response NoContent();
// Of 1 to `digits` digits and nothing else.
bool IsNumber(std::string_view text, std::size_t digits = 18);

// Whole numbers of the query within bounds; nothing if it is another thing.
std::optional<std::int64_t> NumberBetween(const RestCall& call, std::string_view name,
                                          std::int64_t otherwise, std::int64_t low,
                                          std::int64_t high);

// A position in a list ordered by two numbers, as clients hand it back: opaque to them.
struct Cursor {
  std::int64_t major = 0;
  std::int64_t minor = 0;

  friend auto operator<=>(const Cursor&, const Cursor&) = default;
};
std::string ToText(const Cursor& cursor);
// Nothing if `text` is none of ours. "" is the beginning of every list.
std::optional<Cursor> ParseCursor(std::string_view text);

}  // namespace holdfast::middleware
