#include "services/middleware/domain/device_limit.h"

#include "libs/base/status.h"

namespace holdfast::middleware {

absl::StatusOr<std::vector<std::string>> WhoGivesWay(std::span<const std::string> others,
                                                     const DeviceLimit& limit) {
  const auto kept = static_cast<std::size_t>(limit.max_devices > 0 ? limit.max_devices - 1 : 0);
  if (limit.max_devices <= 0 || others.size() <= kept) return std::vector<std::string>();
  if (limit.when_full == DeviceLimit::WhenFull::kRefuse) {
    return ResourceExhausted("the account has {} of {} devices", others.size(), limit.max_devices);
  }
  return std::vector<std::string>(others.begin() + static_cast<std::ptrdiff_t>(kept), others.end());
}

}  // namespace holdfast::middleware
