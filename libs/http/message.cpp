#include "libs/http/message.h"

#include <charconv>

#include "libs/admission/retry_advice.h"
#include "libs/base/encoding.h"

namespace holdfast::http {
namespace {

// More than any box sends; keeps the search for a repeated name cheap whatever arrives.
constexpr std::size_t kMaxFields = 1000;
constexpr std::size_t kLongestAddress = 64;

// The frequent ones first: every answer looks its phrase up.
constexpr std::pair<int, std::string_view> kReasons[] = {
    {200, "OK"},
    {100, "Continue"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Payload Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Entity"},
    {429, "Too Many Requests"},
    {499, "Client Closed Request"},  // nginx's; only counted, since nobody reads it
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};

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

std::string_view ViewerOf(const Request& request) {
  const std::string_view told = request.Header("X-Real-IP");
  return told.empty() ? request.remote_address() : told.substr(0, kLongestAddress);
}

Response Busy(Criticality criticality) {
  thread_local SeededRandom random(SecureSeed());
  const std::chrono::seconds wait = admission::RetryAfter(criticality, random);
  Response response = Response::Text(503, "Service Unavailable\n");
  response.headers.emplace_back("Retry-After", std::to_string(wait.count()));
  return response;
}

std::string_view ReasonPhrase(int status) {
  for (const auto& [code, phrase] : kReasons) {
    if (code == status) return phrase;
  }
  return "Unknown";
}

Form::Form(std::string_view encoded) { Merge(encoded); }

std::string_view Form::NameOf(const Field& field) const {
  return {text_.data() + field.name, field.value - field.name};
}

std::string_view Form::ValueOf(const Field& field) const {
  return {text_.data() + field.value, field.end - field.value};
}

void Form::Merge(std::string_view encoded) {
  const std::size_t before = fields_.size();
  text_.reserve(text_.size() + encoded.size());
  while (!encoded.empty() && fields_.size() < kMaxFields) {
    std::string_view pair = TakeUntil('&', encoded);
    if (pair.empty()) continue;
    Field field{.name = text_.size()};
    AppendPercentDecoded(TakeUntil('=', pair), text_);
    field.value = field.end = text_.size();
    const std::string_view name = NameOf(field);
    bool known = false;
    for (std::size_t i = 0; i < fields_.size() && !known; ++i) {
      known = NameOf(fields_[i]) == name && (i < before || !Collects(name));
    }
    if (known) {
      text_.resize(field.name);
      continue;
    }
    AppendPercentDecoded(pair, text_);
    field.end = text_.size();
    fields_.push_back(field);
  }
}

std::string_view Form::Get(std::string_view name) const {
  for (const Field& field : fields_) {
    if (NameOf(field) == name) return ValueOf(field);
  }
  return {};
}

bool Form::Has(std::string_view name) const {
  for (const Field& field : fields_) {
    if (NameOf(field) == name) return true;
  }
  return false;
}

std::vector<std::string> Form::All(std::string_view name) const {
  std::vector<std::string> values;
  for (const Field& field : fields_) {
    if (NameOf(field) == name) values.emplace_back(ValueOf(field));
  }
  return values;
}

std::vector<std::pair<std::string_view, std::string_view>> Form::fields() const {
  std::vector<std::pair<std::string_view, std::string_view>> all;
  for (const Field& field : fields_) all.emplace_back(NameOf(field), ValueOf(field));
  return all;
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
