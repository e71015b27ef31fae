#include "services/middleware/gzip.h"

#include <zlib.h>

#include <algorithm>

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
  z_stream stream = {};
  HOLDFAST_CHECK(inflateInit2(&stream, kGzipOnly) == Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(gzip.data()));
  stream.avail_in = static_cast<uInt>(gzip.size());
  std::string text;
  int result = Z_OK;
  while (result == Z_OK) {
    const std::size_t before = text.size();
    text.resize(std::max<std::size_t>(2 * before, 64 * 1024));
    stream.next_out = reinterpret_cast<Bytef*>(text.data() + before);
    stream.avail_out = static_cast<uInt>(text.size() - before);
    result = inflate(&stream, Z_NO_FLUSH);
    text.resize(text.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  HOLDFAST_CHECK(result == Z_STREAM_END);
  return text;
}

}  // namespace holdfast::middleware
