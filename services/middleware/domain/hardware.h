// By what a box can be told from another one that uses its MAC.
#pragma once

#include <string>
#include <string_view>

#include "services/middleware/domain/device.h"

namespace holdfast::middleware {

// As boxes send them; empty: not sent.
struct HardwareIds {
  std::string device_id;
  std::string device_id2;
  std::string serial_number;

  friend bool operator==(const HardwareIds&, const HardwareIds&) = default;
};

// What speaks for another box, the strongest first.
enum class CloneSign { kNone, kOtherDeviceId, kNoDeviceId, kOtherDeviceId2, kOtherSerialNumber };
std::string_view NameOf(CloneSign sign);

// A box without a device_id is bound to nothing: then there is no sign.
CloneSign SignOfClone(const HardwareIds& bound, const HardwareIds& said);

// The ids that the device came with first. Its hardware_id decides: when an operator makes the box
// forget that, the others are worthless, too.
HardwareIds BoundIds(const Device& device);

// The setting that keeps them; viewers cannot set it.
inline constexpr std::string_view kHardwareIds = "box.hardware_ids";
std::string HardwareSetting(const HardwareIds& ids);

// `bound`, with what was not known yet taken from `said`.
HardwareIds WithNew(HardwareIds bound, const HardwareIds& said);

}  // namespace holdfast::middleware
