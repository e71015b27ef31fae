#include "services/middleware/domain/box_settings.h"

namespace holdfast::middleware {

std::string_view SettingOr(const BoxSettings& settings, std::string_view name,
                           std::string_view otherwise) {
  const auto it = settings.find(name);
  return it == settings.end() ? otherwise : std::string_view(it->second.value);
}

void MergeNewer(BoxSettings& into, const BoxSettings& from) {
  for (const auto& [name, setting] : from) {
    const auto it = into.find(name);
    if (it != into.end()) {
      if (it->second.at_ms < setting.at_ms) it->second = setting;
    } else if (into.size() < kMaxSettings) {
      into.emplace(name, setting);
    }
  }
}

}  // namespace holdfast::middleware
