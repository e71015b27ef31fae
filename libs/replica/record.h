// Binary records of the files on local disk: fixed-size numbers in little-endian order, texts with
// their length in front. Reading is strict and never trusts a length.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::replica {

class RecordWriter {
 public:
  void Raw(std::string_view bytes) { bytes_.append(bytes); }
  void U32(std::uint32_t n) { Number(n, 4); }
  void U64(std::uint64_t n) { Number(n, 8); }
  void I64(std::int64_t n) { Number(static_cast<std::uint64_t>(n), 8); }
  void Text(std::string_view text) {
    U64(text.size());
    Raw(text);
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void Number(std::uint64_t n, int size) {
    for (int i = 0; i < size; ++i) bytes_.push_back(static_cast<char>(n >> (8 * i)));
  }
  std::string bytes_;
};

// Views stay valid as long as the bytes given. After the first error everything reads as zero or
// empty and Finished() is false.
class RecordReader {
 public:
  explicit RecordReader(std::string_view bytes) : left_(bytes) {}

  std::string_view Raw(std::uint64_t size) {
    if (size > left_.size()) {
      ok_ = false;
      left_ = {};
      return {};
    }
    const std::string_view bytes = left_.substr(0, size);
    left_.remove_prefix(size);
    return bytes;
  }
  std::uint32_t U32() { return static_cast<std::uint32_t>(Number(4)); }
  std::uint64_t U64() { return Number(8); }
  std::int64_t I64() { return static_cast<std::int64_t>(Number(8)); }
  std::string_view Text() { return Raw(U64()); }

  bool ok() const { return ok_; }
  bool Finished() const { return ok_ && left_.empty(); }

 private:
  std::uint64_t Number(int size) {
    const std::string_view bytes = Raw(static_cast<std::uint64_t>(size));
    std::uint64_t n = 0;
    for (std::size_t i = bytes.size(); i > 0; --i) {
      n = n << 8 | static_cast<unsigned char>(bytes[i - 1]);
    }
    return n;
  }

  std::string_view left_;
  bool ok_ = true;
};

}  // namespace holdfast::replica
