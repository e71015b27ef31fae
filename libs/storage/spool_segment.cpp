#include "libs/storage/spool_segment.h"

#include <zlib.h>

#include "libs/base/check.h"

namespace holdfast::storage {
namespace {

constexpr std::string_view kMagic = "HFsp";

void AppendNumber(std::string& out, std::uint32_t number) {
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(number >> shift);
}

std::uint32_t NumberAt(std::string_view bytes, std::size_t position) {
  std::uint32_t number = 0;
  for (int i = 3; i >= 0; --i) {
    number = number << 8 | static_cast<unsigned char>(bytes[position + static_cast<unsigned>(i)]);
  }
  return number;
}

std::uint32_t Checksum(std::string_view length, std::string_view payload) {
  uLong crc = crc32(0, reinterpret_cast<const Bytef*>(length.data()), 4);
  crc =
      crc32(crc, reinterpret_cast<const Bytef*>(payload.data()), static_cast<uInt>(payload.size()));
  return static_cast<std::uint32_t>(crc);
}

}  // namespace

void AppendFrame(std::string& out, std::string_view record) {
  HOLDFAST_CHECK(record.size() <= kMaxRecord);
  std::string length;
  AppendNumber(length, static_cast<std::uint32_t>(record.size()));
  out += kMagic;
  out += length;
  AppendNumber(out, Checksum(length, record));
  out += record;
}

bool FrameReader::FrameAt(std::size_t position, std::string_view& record) const {
  if (bytes_.size() - position < kFrameHeader || bytes_.substr(position, 4) != kMagic) return false;
  const std::size_t size = NumberAt(bytes_, position + 4);
  if (size > bytes_.size() - position - kFrameHeader) return false;
  record = bytes_.substr(position + kFrameHeader, size);
  return Checksum(bytes_.substr(position + 4, 4), record) == NumberAt(bytes_, position + 8);
}

bool FrameReader::Next(std::string_view& record) {
  std::size_t at = position_;
  while (at < bytes_.size() && !FrameAt(at, record)) {
    at = bytes_.find(kMagic, at + 1);  // npos ends the loop
  }
  if (at >= bytes_.size()) return false;
  if (at != position_) ++damaged_;
  position_ = at + kFrameHeader + record.size();
  return true;
}

}  // namespace holdfast::storage
