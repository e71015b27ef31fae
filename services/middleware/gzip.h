// gzip (RFC 1952), for bodies that are compressed once and sent many times.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::middleware {

std::string Gzip(std::string_view text, int level);
// The reverse, for boxes that cannot. `gzip` must be made by this file. Needs memory for the text
// once.
std::string Gunzip(std::string_view gzip);

// A piece of a gzip body, compressed by itself: pieces may be joined in any order and any number
// of times without compressing anything again.
struct GzipPart {
  std::string deflated;
  std::uint32_t crc = 0;
  std::uint64_t length = 0;  // before compression
};

GzipPart MakeGzipPart(std::string_view text, int level);
// The same without compression: a copy and a checksum, for who has no time.
GzipPart StoreGzipPart(std::string_view text);

// Joins parts to one gzip body.
class GzipJoiner {
 public:
  GzipJoiner();
  void Add(const GzipPart& part);
  std::string Finish() &&;

 private:
  std::string out_;
  std::uint32_t crc_ = 0;
  std::uint64_t length_ = 0;
};

}  // namespace holdfast::middleware
