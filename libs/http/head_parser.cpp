#include "libs/http/head_parser.h"

#include <array>
#include <charconv>
#include <cstring>
#include <utility>

namespace holdfast::http {
namespace {

constexpr std::size_t kMaxFields = 100;

constexpr bool IsTokenByte(unsigned char c) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return true;
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return kOthers.find(static_cast<char>(c)) != std::string_view::npos;
}

constexpr std::array<bool, 256> kTokenBytes = [] {
  std::array<bool, 256> table{};
  for (std::size_t c = 0; c < table.size(); ++c)
    table[c] = IsTokenByte(static_cast<unsigned char>(c));
  return table;
}();

bool IsToken(std::string_view text) {
  for (const char c : text) {
    if (!kTokenBytes[static_cast<unsigned char>(c)]) return false;
  }
  return !text.empty();
}

// The length of a front part without a byte below `least` (at most 128) and without DEL: most heads
// are texts of hundreds of harmless bytes, so eight are looked at together.
std::size_t PlainPart(std::string_view text, unsigned char least) {
  constexpr std::uint64_t kOnes = ~std::uint64_t{0} / 255;
  constexpr std::uint64_t kHighs = kOnes * 0x80;
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, text.data() + at, 8);
    const std::uint64_t below = (bytes - kOnes * least) & ~bytes;
    const std::uint64_t without_del = bytes ^ (kOnes * 127);
    const std::uint64_t del = (without_del - kOnes) & ~without_del;
    if (((below | del) & kHighs) != 0) break;
  }
  return at;
}

// Boxes send whatever they like in a target, but never blanks or control characters.
bool IsTarget(std::string_view text) {
  for (const char c : text.substr(PlainPart(text, ' ' + 1))) {
    if (static_cast<unsigned char>(c) <= ' ' || c == 127) return false;
  }
  return !text.empty();
}

bool IsFieldValue(std::string_view text) {
  for (const char c : text.substr(PlainPart(text, ' '))) {
    if ((static_cast<unsigned char>(c) < ' ' && c != '\t') || c == 127) return false;
  }
  return true;
}

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

std::string_view TrimBlanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Takes one line, without its CR LF. HeadScanner has made sure that each LF follows a CR.
std::string_view TakeLine(std::string_view& text) {
  const auto* end = static_cast<const char*>(std::memchr(text.data(), '\n', text.size()));
  if (end == nullptr || end == text.data()) return std::exchange(text, {});
  const auto size = static_cast<std::size_t>(end - text.data());
  const std::string_view line = text.substr(0, size - 1);
  text.remove_prefix(size + 1);
  return line;
}

// Fields up to the empty line. 0 or the status to refuse with.
int ParseFields(std::string_view text, std::vector<HeadField>& fields) {
  fields.clear();
  while (true) {
    const std::string_view line = TakeLine(text);
    if (line.empty()) return 0;
    const std::size_t colon = line.find(':');
    // A line that starts with a blank (obs-fold) has no token before its colon either.
    if (colon == std::string_view::npos || !IsToken(line.substr(0, colon))) return 400;
    const std::string_view value = TrimBlanks(line.substr(colon + 1));
    if (!IsFieldValue(value)) return 400;
    if (fields.size() == kMaxFields) return 431;
    fields.push_back({line.substr(0, colon), value});
  }
}

bool ParseLength(std::string_view text, std::uint64_t& length) {
  if (text.empty() || text.size() > 18) return false;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
  }
  std::from_chars(text.data(), text.data() + text.size(), length);
  return true;
}

// What the fields say about the body. 0 or the status to refuse with.
int ParseFraming(const std::vector<HeadField>& fields, bool http_1_0, BodyKind& body,
                 std::uint64_t& content_length) {
  bool has_length = false;
  bool has_coding = false;
  bool chunked = false;
  content_length = 0;
  for (const HeadField& field : fields) {
    if (EqualsIgnoringCase(field.name, "content-length")) {
      std::uint64_t length = 0;
      if (!ParseLength(field.value, length)) return 400;
      if (has_length && length != content_length) return 400;
      has_length = true;
      content_length = length;
    } else if (EqualsIgnoringCase(field.name, "transfer-encoding")) {
      if (has_coding) return 400;
      has_coding = true;
      chunked = EqualsIgnoringCase(field.value, "chunked");
    }
  }
  if (has_coding && (has_length || http_1_0)) return 400;
  if (has_coding && !chunked) return 501;
  if (has_coding) {
    body = BodyKind::kChunked;
  } else if (has_length) {
    body = content_length > 0 ? BodyKind::kLength : BodyKind::kNone;
  }
  return 0;
}

int ParseVersion(std::string_view text, bool& http_1_0) {
  if (text.size() != 8 || !text.starts_with("HTTP/") || text[6] != '.') return 400;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (!is_digit(text[5]) || !is_digit(text[7])) return 400;
  if (text[5] != '1') return 505;
  http_1_0 = text[7] == '0';
  return 0;
}

// Splits an origin-form or absolute-form target.
bool ParseTarget(RequestHead& out) {
  if (!IsTarget(out.target)) return false;
  std::string_view rest = out.target;
  if (rest.front() != '/' && rest != "*") {
    const std::size_t scheme = rest.find("://");
    if (scheme == std::string_view::npos) return false;
    if (!EqualsIgnoringCase(rest.substr(0, scheme), "http") &&
        !EqualsIgnoringCase(rest.substr(0, scheme), "https")) {
      return false;
    }
    rest.remove_prefix(scheme + 3);
    const std::size_t end = rest.find_first_of("/?");
    rest = end == std::string_view::npos ? std::string_view("/") : rest.substr(end);
  }
  const std::size_t question = rest.find('?');
  out.path = rest.substr(0, question);
  if (out.path.empty()) out.path = "/";
  out.query = question == std::string_view::npos ? std::string_view() : rest.substr(question + 1);
  return true;
}

int ParseRequestLine(std::string_view line, RequestHead& out) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return 400;
  out.method = line.substr(0, first);
  out.target = line.substr(first + 1, last - first - 1);
  if (!IsToken(out.method) || !ParseTarget(out)) return 400;
  return ParseVersion(line.substr(last + 1), out.http_1_0);
}

// Host, Connection and Expect.
int ParseControls(RequestHead& out) {
  int hosts = 0;
  bool close = false;
  bool keep_alive = false;
  out.expects_continue = false;
  for (const HeadField& field : out.fields) {
    if (EqualsIgnoringCase(field.name, "host")) {
      ++hosts;
      if (field.value.find_first_of(" \t,/") != std::string_view::npos) return 400;
    } else if (EqualsIgnoringCase(field.name, "connection")) {
      close = close || HasToken(field.value, "close");
      keep_alive = keep_alive || HasToken(field.value, "keep-alive");
    } else if (EqualsIgnoringCase(field.name, "expect")) {
      if (!EqualsIgnoringCase(field.value, "100-continue")) return 417;
      out.expects_continue = !out.http_1_0;
    }
  }
  if (hosts > 1 || (hosts == 0 && !out.http_1_0)) return 400;
  out.keep_alive = !close && (keep_alive || !out.http_1_0);
  return 0;
}

}  // namespace

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (Lower(a[i]) != Lower(b[i])) return false;
  }
  return true;
}

std::string_view FindField(const std::vector<HeadField>& fields, std::string_view name) {
  for (const HeadField& field : fields) {
    if (EqualsIgnoringCase(field.name, name)) return field.value;
  }
  return {};
}

bool HasToken(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    if (EqualsIgnoringCase(TrimBlanks(list.substr(0, comma)), token)) return true;
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  }
  return false;
}

HeadScanner::Result HeadScanner::Scan(std::string_view input) {
  while (scanned_ < input.size()) {
    const auto* found = static_cast<const char*>(
        std::memchr(input.data() + scanned_, '\n', input.size() - scanned_));
    if (found == nullptr) {
      scanned_ = input.size();
      return Result::kNeedMore;
    }
    const auto at = static_cast<std::size_t>(found - input.data());
    if (at == 0 || input[at - 1] != '\r') return Result::kMalformed;
    scanned_ = at + 1;
    if (at >= 3 && input[at - 2] == '\n') return Result::kComplete;
  }
  return Result::kNeedMore;
}

int ParseRequestHead(std::string_view head, RequestHead& out) {
  if (const int status = ParseRequestLine(TakeLine(head), out); status != 0) return status;
  if (const int status = ParseFields(head, out.fields); status != 0) return status;
  if (const int status = ParseControls(out); status != 0) return status;
  out.body = BodyKind::kNone;
  return ParseFraming(out.fields, out.http_1_0, out.body, out.content_length);
}

bool ParseResponseHead(std::string_view head, ResponseHead& out) {
  const std::string_view line = TakeLine(head);
  bool http_1_0 = false;
  if (line.size() < 12 || ParseVersion(line.substr(0, 8), http_1_0) != 0) return false;
  const auto [end, error] = std::from_chars(line.data() + 9, line.data() + 12, out.status);
  if (line[8] != ' ' || error != std::errc() || end != line.data() + 12 || out.status < 100) {
    return false;
  }
  if (ParseFields(head, out.fields) != 0) return false;
  out.body = BodyKind::kUntilClose;
  if (ParseFraming(out.fields, http_1_0, out.body, out.content_length) != 0) return false;
  if (out.status < 200 || out.status == 204 || out.status == 304) out.body = BodyKind::kNone;
  return true;
}

}  // namespace holdfast::http
