// Strict reading of HTTP/1.1 message heads. One pass over a complete head; results are views into
// it. What is refused, and why: a message that two servers could read in two ways is an attack.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace holdfast::http {

struct HeadField {
  std::string_view name;
  std::string_view value;  // without surrounding blanks
};

// The value of the first field of that name (any case); "" if absent.
std::string_view FindField(const std::vector<HeadField>& fields, std::string_view name);
bool EqualsIgnoringCase(std::string_view a, std::string_view b);
// Whether a comma-separated field value holds `token` (any case).
bool HasToken(std::string_view list, std::string_view token);

// Finds the end of a head in bytes that arrive piece by piece.
class HeadScanner {
 public:
  enum class Result { kNeedMore, kComplete, kMalformed };  // malformed: a line feed without CR

  void Reset() { scanned_ = 0; }
  // `input` is everything so far, from the first byte of the head. size() tells where it ends.
  Result Scan(std::string_view input);
  std::size_t size() const { return scanned_; }  // after kComplete: with the empty line

 private:
  std::size_t scanned_ = 0;
};

enum class BodyKind { kNone, kLength, kChunked, kUntilClose };  // the last one: answers only

struct RequestHead {
  std::string_view method;
  std::string_view target;
  std::string_view path;
  std::string_view query;
  std::vector<HeadField> fields;
  bool http_1_0 = false;
  bool keep_alive = true;
  bool expects_continue = false;
  BodyKind body = BodyKind::kNone;
  std::uint64_t content_length = 0;
};

// `head` includes the empty line. Returns 0, or the status to refuse the request with. `out` is
// reused so that its vector keeps its memory.
int ParseRequestHead(std::string_view head, RequestHead& out);

struct ResponseHead {
  int status = 0;
  std::vector<HeadField> fields;
  BodyKind body = BodyKind::kUntilClose;
  std::uint64_t content_length = 0;
};

bool ParseResponseHead(std::string_view head, ResponseHead& out);

}  // namespace holdfast::http
