// The bytes of a feed, unpacked as they come.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "libs/base/deadline.h"

namespace holdfast::epg {

struct FeedDigest {
  std::string digest;           // of the bytes as fetched; equal bytes, equal digest
  std::uint64_t bytes = 0;      // as fetched
  std::uint64_t unpacked = 0;
};

// Reads a file:/// or http:// address and hands the unpacked bytes on, piece by piece. gzip is
// known by its magic, not by its name. Stops at the first error of `take`. RESOURCE_EXHAUSTED
// beyond `max_unpacked`, DATA_LOSS for a broken or cut gzip.
absl::StatusOr<FeedDigest> ReadFeed(const std::string& uri, Deadline deadline,
                                    std::uint64_t max_unpacked,
                                    const std::function<absl::Status(std::string_view)>& take);

}  // namespace holdfast::epg
