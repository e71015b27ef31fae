#include "libs/http/message.h"

#include <charconv>

#include "libs/base/encoding.h"

namespace holdfast::http {
namespace {

// More than any box sends; keeps the search for a repeated name cheap whatever arrives.
constexpr std::size_t kMaxFields = 1000;

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Takes the part before `separator` off `text`.
std::string_view TakeUntil(char separator, std::string_view& text) {
  const std::size_t end = text.find(separator);
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return part;
}

bool Collects(std::string_view name) { return name.ends_with("[]"); }

}  // namespace

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 100: return "Continue";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Payload Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Entity";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return "Unknown";
  }
}

Form::Form(std::string_view encoded) { Merge(encoded); }

void Form::Merge(std::string_view encoded) {
  const std::size_t before = fields_.size();
  while (!encoded.empty() && fields_.size() < kMaxFields) {
    std::string_view pair = TakeUntil('&', encoded);
    if (pair.empty()) continue;
    std::string name = PercentDecode(TakeUntil('=', pair));
    bool known = false;
    for (std::size_t i = 0; i < fields_.size() && !known; ++i) {
      known = fields_[i].first == name && (i < before || !Collects(name));
    }
    if (!known) fields_.emplace_back(std::move(name), PercentDecode(pair));
  }
}

std::string_view Form::Get(std::string_view name) const {
  for (const auto& [key, value] : fields_) {
    if (key == name) return value;
  }
  return {};
}

bool Form::Has(std::string_view name) const {
  for (const auto& field : fields_) {
    if (field.first == name) return true;
  }
  return false;
}

std::vector<std::string> Form::All(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [key, value] : fields_) {
    if (key == name) values.push_back(value);
  }
  return values;
}

std::int64_t Form::Int(std::string_view name, std::int64_t otherwise) const {
  const std::string_view text = Trim(Get(name));
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : otherwise;
}

std::string CookieValue(std::string_view cookie_header, std::string_view name) {
  while (!cookie_header.empty()) {
    std::string_view pair = TakeUntil(';', cookie_header);
    if (Trim(TakeUntil('=', pair)) == name) return PercentDecode(Trim(pair));
  }
  return {};
}

}  // namespace holdfast::http
