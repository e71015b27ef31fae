#include "services/middleware/domain/hardware.h"

#include <utility>

namespace holdfast::middleware {
namespace {

// Clients that are no boxes send a serial number of zeros.
bool SaysSomething(std::string_view id) {
  return id.find_first_not_of('0') != std::string_view::npos;
}

bool Differ(std::string_view bound, std::string_view said) {
  return SaysSomething(bound) && SaysSomething(said) && bound != said;
}

std::string_view TakeLine(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return line;
}

}  // namespace

std::string_view NameOf(CloneSign sign) {
  switch (sign) {
    case CloneSign::kNone:
      return "none";
    case CloneSign::kOtherDeviceId:
      return "device_id";
    case CloneSign::kNoDeviceId:
      return "no_device_id";
    case CloneSign::kOtherDeviceId2:
      return "device_id2";
    case CloneSign::kOtherSerialNumber:
      return "serial_number";
  }
  return "";
}

CloneSign SignOfClone(const HardwareIds& bound, const HardwareIds& said) {
  if (bound.device_id.empty()) return CloneSign::kNone;
  if (said.device_id.empty()) return CloneSign::kNoDeviceId;
  if (said.device_id != bound.device_id) return CloneSign::kOtherDeviceId;
  if (Differ(bound.device_id2, said.device_id2)) return CloneSign::kOtherDeviceId2;
  if (Differ(bound.serial_number, said.serial_number)) return CloneSign::kOtherSerialNumber;
  return CloneSign::kNone;
}

HardwareIds BoundIds(const Device& device) {
  HardwareIds ids{.device_id = device.hardware_id, .device_id2 = "", .serial_number = ""};
  std::string_view kept = SettingOr(device.settings, kHardwareIds, "");
  if (TakeLine(kept) != device.hardware_id) return ids;
  ids.device_id2 = TakeLine(kept);
  ids.serial_number = TakeLine(kept);
  return ids;
}

std::string HardwareSetting(const HardwareIds& ids) {
  return ids.device_id + '\n' + ids.device_id2 + '\n' + ids.serial_number;
}

HardwareIds WithNew(HardwareIds bound, const HardwareIds& said) {
  if (!SaysSomething(bound.device_id2)) bound.device_id2 = said.device_id2;
  if (!SaysSomething(bound.serial_number)) bound.serial_number = said.serial_number;
  return bound;
}

}  // namespace holdfast::middleware
