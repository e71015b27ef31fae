// How many boxes an account may have, and which one gives way.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace holdfast::middleware {

struct DeviceLimit {
  enum class WhenFull {
    kReplaceOldest,  // those that joined the account longest ago lose it
    kRefuse,
  };
  int max_devices = 0;  // 0: unlimited
  WhenFull when_full = WhenFull::kReplaceOldest;
};

// Which of the account's `others` (MACs, the one that joined last first) have to leave it so that
// one more may join. RESOURCE_EXHAUSTED if the account is full and nobody has to.
absl::StatusOr<std::vector<std::string>> WhoGivesWay(std::span<const std::string> others,
                                                     const DeviceLimit& limit);

}  // namespace holdfast::middleware
