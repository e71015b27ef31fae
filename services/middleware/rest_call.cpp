#include "services/middleware/rest_call.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "absl/strings/str_cat.h"
#include "libs/base/encoding.h"
#include "libs/base/time_zone.h"
#include "libs/security/hmac.h"
#include "services/middleware/gzip.h"
#include "services/middleware/json_writer.h"

namespace holdfast::middleware {
namespace {

constexpr int kGzipLevel = 4;
constexpr int kSharedGzipLevel = 6;
constexpr std::size_t kWorthCompressing = 2048;

std::string ETagOf(std::string_view text) {
  static const security::HmacKey key("holdfast rest");
  const auto tag = key.Sign(text);
  return "\"" + ToHex(std::string_view(reinterpret_cast<const char*>(tag.data()), 12)) + "\"";
}

std::optional<std::int64_t> WholeNumber(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string_view TitleOf(int status) {
  switch (status) {
    case 400:
      return "The request is wrong";
    case 401:
      return "Log in first";
    case 403:
      return "Not allowed";
    case 404:
      return "There is no such thing";
    case 409:
      return "It contradicts what is there";
    case 412:
      return "It has changed meanwhile";
    case 429:
      return "Too many attempts";
    case 500:
      return "The server is at fault";
    default:
      return "Try again";
  }
}

}  // namespace

std::string_view BearerOf(std::string_view authorization) {
  constexpr std::string_view kWord = "Bearer ";
  if (authorization.substr(0, kWord.size()) != kWord) return {};
  return authorization.substr(kWord.size());
}

http::Response Problem(int status, std::string_view code, std::string_view detail) {
  return Problem(status, code, detail, [](JsonWriter&) {});
}

http::Response FieldProblem(int status, std::string_view code, std::string_view field,
                            std::string_view detail) {
  return Problem(status, code, detail, [&](JsonWriter& json) {
    json.Key("errors").BeginArray().BeginObject().Field("field", field).Field("detail", detail);
    json.EndObject().EndArray();
  });
}

http::Response Problem(int status, std::string_view code, std::string_view detail,
                       const std::function<void(JsonWriter&)>& more) {
  http::Response response;
  response.status = status;
  response.content_type = "application/problem+json";
  JsonWriter json(response.text);
  json.BeginObject().Field("type", absl::StrCat("urn:holdfast:problem:", std::string(code)));
  json.Field("title", TitleOf(status)).Field("status", status).Field("detail", detail);
  more(json);
  json.EndObject();
  response.headers.emplace_back("Cache-Control", "no-store");
  if (status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  if (status == 429) response.headers.emplace_back("Retry-After", "60");
  if (status == 503) response.headers.emplace_back("Retry-After", "5");
  return response;
}

http::Response TryAgain(std::string_view detail) { return Problem(503, "try-again", detail); }

http::Response JsonAnswer(const RestCall& call, std::string text) {
  http::Response response;
  const std::string etag = ETagOf(text);
  response.headers = {
      {"ETag", etag}, {"Cache-Control", "private, no-cache"}, {"Vary", "Accept-Encoding"}};
  if (call.if_none_match.find(etag) != std::string::npos) {
    response.status = 304;
    return response;
  }
  const bool compress = call.accepts_gzip && text.size() >= kWorthCompressing;
  if (compress) response.headers.emplace_back("Content-Encoding", "gzip");
  response.text = compress ? Gzip(text, kGzipLevel) : std::move(text);
  return response;
}

Body JsonBody(std::string text) {
  Body body;
  body.tag = ETagOf(text);
  if (text.size() >= kWorthCompressing) body.gzip = http::Store(Gzip(text, kSharedGzipLevel));
  body.plain = http::Store(std::move(text));
  return body;
}

http::Response JsonAnswer(const RestCall& call, const Body& body) {
  http::Response response;
  response.headers = {
      {"ETag", body.tag}, {"Cache-Control", "private, no-cache"}, {"Vary", "Accept-Encoding"}};
  if (call.if_none_match.find(body.tag) != std::string::npos) {
    response.status = 304;
    return response;
  }
  const bool compress = call.accepts_gzip && body.gzip != nullptr;
  if (compress) response.headers.emplace_back("Content-Encoding", "gzip");
  response.stored = compress ? body.gzip : body.plain;
  return response;
}

http::Response FreshJson(std::string text) {
  http::Response response = http::Response::Json(std::move(text));
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

std::optional<rapidjson::Document> ParseObject(const std::string& body) {
  rapidjson::Document document;
  // Not by recursion: a body may nest as deep as it is long.
  document.Parse<rapidjson::kParseIterativeFlag>(body.data(), body.size());
  if (document.HasParseError() || !document.IsObject()) return std::nullopt;
  return document;
}

std::string TextIn(const rapidjson::Value& object, const char* name) {
  const auto it = object.FindMember(name);
  if (it == object.MemberEnd() || !it->value.IsString()) return "";
  return {it->value.GetString(), it->value.GetStringLength()};
}

http::Response NotKept() { return TryAgain("it cannot be kept at the moment"); }

http::Response NoContent() {
  http::Response response;
  response.status = 204;
  return response;
}

bool IsNumber(std::string_view text, std::size_t digits) {
  return !text.empty() && text.size() <= digits &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string Rfc3339(std::int64_t epoch_seconds) {
  return TimeZone::Utc().Format("%Y-%m-%dT%H:%M:%SZ", FromEpochSeconds(epoch_seconds));
}

std::optional<std::int64_t> NumberBetween(const RestCall& call, std::string_view name,
                                          std::int64_t otherwise, std::int64_t low,
                                          std::int64_t high) {
  const std::string_view text = call.Get(name);
  if (text.empty()) return otherwise;
  const auto number = WholeNumber(text);
  return number && *number >= low && *number <= high ? number : std::nullopt;
}

std::string ToText(const Cursor& cursor) {
  return ToBase64Url(absl::StrCat(cursor.major, ",", cursor.minor));
}

std::optional<Cursor> ParseCursor(std::string_view text) {
  constexpr std::int64_t kFirst = std::numeric_limits<std::int64_t>::min();
  if (text.empty()) return Cursor{kFirst, kFirst};
  const std::optional<std::string> decoded = FromBase64Url(text);
  if (!decoded) return std::nullopt;
  const std::size_t comma = decoded->find(',');
  if (comma == std::string::npos) return std::nullopt;
  const auto major = WholeNumber(std::string_view(*decoded).substr(0, comma));
  const auto minor = WholeNumber(std::string_view(*decoded).substr(comma + 1));
  if (!major || !minor) return std::nullopt;
  return Cursor{*major, *minor};
}

}  // namespace holdfast::middleware
