// A file that is either whole or absent: written beside its place, flushed, then renamed. A header
// with magic, format version, length and CRC-32 guards the content.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace holdfast::replica {

// DATA_LOSS for a damaged file, NOT_FOUND for none. Blocking; for start-up and background threads.
absl::StatusOr<std::string> ReadSnapshot(const std::string& path);
absl::Status WriteSnapshot(const std::string& path, std::string_view content);

}  // namespace holdfast::replica
