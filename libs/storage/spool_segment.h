// The file format of DiskSpool. A segment is a sequence of frames:
//
//   magic "HFsp" | length u32 | CRC-32 of length and payload u32 | payload     (little endian)
//
// A reader that meets damage looks for the next frame that is whole, so one bad sector costs the
// records it hit and no more.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::storage {

inline constexpr std::size_t kFrameHeader = 12;
inline constexpr std::size_t kMaxRecord = 64u << 20;

void AppendFrame(std::string& out, std::string_view record);

// Reads frames one after the other. `bytes` must outlive the reader.
class FrameReader {
 public:
  explicit FrameReader(std::string_view bytes, std::size_t position = 0)
      : bytes_(bytes), position_(position) {}

  // False at the end of the last whole frame. `record` points into the bytes.
  bool Next(std::string_view& record);

  std::size_t position() const { return position_; }  // behind the last frame read
  // Damaged places between frames that were read; what follows the last one is no damage but a
  // tail that was never finished.
  std::uint64_t damaged() const { return damaged_; }

 private:
  bool FrameAt(std::size_t position, std::string_view& record) const;

  const std::string_view bytes_;
  std::size_t position_;
  std::uint64_t damaged_ = 0;
};

}  // namespace holdfast::storage
