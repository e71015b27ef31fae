// A request as the server reads it: head, body, then what handlers make of query, form and cookies.
// The same bytes must mean the same however they are cut into packets.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "libs/base/check.h"
#include "libs/http/body_reader.h"
#include "libs/http/head_parser.h"
#include "libs/http/message.h"

namespace holdfast::http {
namespace {

constexpr std::uint64_t kMaxBody = 1 << 16;

// The size of the head; npos if it is not complete or malformed.
std::size_t ScanInSteps(std::string_view input, std::size_t step) {
  HeadScanner scanner;
  for (std::size_t have = 0; have < input.size();) {
    have = std::min(have + step, input.size());
    const auto result = scanner.Scan(input.substr(0, have));
    if (result == HeadScanner::Result::kMalformed) return std::string_view::npos;
    if (result == HeadScanner::Result::kComplete) return scanner.size();
  }
  return std::string_view::npos;
}

struct Body {
  BodyReader::State state;
  std::size_t used = 0;
  std::string bytes;
};

Body ReadInSteps(const RequestHead& head, std::string_view input, std::size_t step) {
  BodyReader reader;
  reader.Start(head.body, head.content_length, kMaxBody);
  Body body{.state = reader.state()};
  while (reader.state() == BodyReader::State::kNeedMore && body.used < input.size()) {
    const std::string_view part = input.substr(body.used, step);
    const std::size_t used = reader.Feed(part);
    HOLDFAST_CHECK(used <= part.size());
    body.used += used;
  }
  body.state = reader.state();
  body.bytes = reader.TakeBody();
  HOLDFAST_CHECK(body.bytes.size() <= kMaxBody);
  return body;
}

void CheckForm(std::string_view text) {
  Form form(text);
  form.Merge(text);
  for (const auto& [name, value] : form.fields()) {
    HOLDFAST_CHECK(form.Has(name));
    HOLDFAST_CHECK(!form.All(name).empty());
    form.Int(name, 0);
  }
}

void CheckRequest(std::string_view input) {
  const std::size_t size = ScanInSteps(input, input.size());
  HOLDFAST_CHECK(size == ScanInSteps(input, 1));
  HOLDFAST_CHECK(size == ScanInSteps(input, 7));
  if (size == std::string_view::npos) return;

  RequestHead head;
  if (ParseRequestHead(input.substr(0, size), head) != 0) return;
  HOLDFAST_CHECK(!head.path.empty());
  const auto within = [&](std::string_view part) {
    return part.data() >= input.data() && part.data() + part.size() <= input.data() + size;
  };
  for (const HeadField& field : head.fields) {
    HOLDFAST_CHECK(within(field.name) && (field.value.empty() || within(field.value)));
    HOLDFAST_CHECK(field.value.find_first_of("\r\n") == std::string_view::npos);
  }

  const Body whole = ReadInSteps(head, input.substr(size), input.size());
  const Body bytewise = ReadInSteps(head, input.substr(size), 1);
  HOLDFAST_CHECK(whole.state == bytewise.state);
  if (whole.state == BodyReader::State::kDone) {
    HOLDFAST_CHECK(whole.bytes == bytewise.bytes && whole.used == bytewise.used);
  }
  CheckForm(head.query);
  CheckForm(whole.bytes);
  CookieValue(FindField(head.fields, "cookie"), "mac");
}

}  // namespace
}  // namespace holdfast::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A copy of the exact size: reading past its end is seen by AddressSanitizer.
  const std::string input(reinterpret_cast<const char*>(data), size);
  holdfast::http::CheckRequest(input);
  holdfast::http::CheckForm(input);
  holdfast::http::CookieValue(input, "mac");
  holdfast::http::ResponseHead response;
  const std::size_t head = holdfast::http::ScanInSteps(input, input.size());
  if (head != std::string::npos) {
    holdfast::http::ParseResponseHead(std::string_view(input).substr(0, head), response);
  }
  return 0;
}
