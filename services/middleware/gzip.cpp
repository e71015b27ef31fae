#include "services/middleware/gzip.h"

#include <zlib.h>

#include "libs/base/check.h"

namespace holdfast::middleware {
namespace {

constexpr int kRawDeflate = -15;  // windowBits: 32 KiB window, no header
// No name, no time, unknown system.
constexpr std::string_view kHeader("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
// An empty last block with fixed codes: ends a stream of full-flushed parts.
constexpr std::string_view kEndOfDeflate("\x03\0", 2);

void AppendLittleEndian(std::string& out, std::uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(value >> shift & 0xff);
}

}  // namespace

GzipPart MakeGzipPart(std::string_view text, int level) {
  z_stream stream = {};
  HOLDFAST_CHECK(deflateInit2(&stream, level, Z_DEFLATED, kRawDeflate, 8, Z_DEFAULT_STRATEGY) ==
                 Z_OK);
  GzipPart part;
  // A full flush adds at most one empty stored block beyond the bound.
  part.deflated.resize(deflateBound(&stream, text.size()) + 16);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(part.deflated.data());
  stream.avail_out = static_cast<uInt>(part.deflated.size());
  // A full flush ends on a byte and forgets the window, so that another part may follow.
  HOLDFAST_CHECK(deflate(&stream, Z_FULL_FLUSH) == Z_OK && stream.avail_in == 0);
  part.deflated.resize(stream.total_out);
  part.deflated.shrink_to_fit();
  deflateEnd(&stream);
  part.crc = static_cast<std::uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size())));
  part.length = text.size();
  return part;
}

GzipPart StoreGzipPart(std::string_view text) {
  constexpr std::size_t kLongestBlock = 0xffff;
  GzipPart part;
  part.deflated.reserve(text.size() + 5 * (text.size() / kLongestBlock + 1));
  part.crc = static_cast<std::uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size())));
  part.length = text.size();
  while (!text.empty()) {
    const std::string_view block = text.substr(0, kLongestBlock);
    const auto length = static_cast<std::uint32_t>(block.size());
    // Not the last block, kind "stored", up to the next byte; the length and its complement.
    part.deflated += '\0';
    for (const std::uint32_t value : {length, ~length}) {
      part.deflated += static_cast<char>(value & 0xff);
      part.deflated += static_cast<char>(value >> 8 & 0xff);
    }
    part.deflated += block;
    text.remove_prefix(block.size());
  }
  return part;
}

GzipJoiner::GzipJoiner() : out_(kHeader) {}

void GzipJoiner::Add(const GzipPart& part) {
  out_ += part.deflated;
  crc_ =
      static_cast<std::uint32_t>(crc32_combine(crc_, part.crc, static_cast<z_off_t>(part.length)));
  length_ += part.length;
}

std::string GzipJoiner::Finish() && {
  out_ += kEndOfDeflate;
  AppendLittleEndian(out_, crc_);
  AppendLittleEndian(out_, static_cast<std::uint32_t>(length_));
  return std::move(out_);
}

std::string Gzip(std::string_view text, int level) {
  GzipJoiner joiner;
  joiner.Add(MakeGzipPart(text, level));
  return std::move(joiner).Finish();
}

std::string Gunzip(std::string_view gzip) {
  constexpr int kGzipOnly = 15 + 16;  // windowBits of zlib for a gzip wrapper
  constexpr std::size_t kLength = 4;  // at the end: of the text, modulo 2^32
  HOLDFAST_CHECK(gzip.size() > kLength);
  std::uint32_t length = 0;
  for (std::size_t i = 0; i < kLength; ++i) {
    length |= std::uint32_t{static_cast<unsigned char>(gzip[gzip.size() - kLength + i])} << 8 * i;
  }
  z_stream stream = {};
  HOLDFAST_CHECK(inflateInit2(&stream, kGzipOnly) == Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(gzip.data()));
  stream.avail_in = static_cast<uInt>(gzip.size());
  std::string text(length, '\0');
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = length;
  const int result = inflate(&stream, Z_FINISH);
  inflateEnd(&stream);
  HOLDFAST_CHECK(result == Z_STREAM_END && stream.avail_out == 0);
  return text;
}

}  // namespace holdfast::middleware
