// What a viewer set up on the box: volume, aspect, PIN, languages. Kept for the box by name; each
// setting has its own time, and the later one wins, so that writes may come late and twice.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace holdfast::middleware {

struct BoxSetting {
  std::string value;
  std::int64_t at_ms = 0;

  friend bool operator==(const BoxSetting&, const BoxSetting&) = default;
};

using BoxSettings = std::map<std::string, BoxSetting, std::less<>>;

inline constexpr std::size_t kMaxSettings = 500;  // of one box
inline constexpr std::size_t kLongestSetting = 1000;

// Settings of one channel: "aspect.12", "censored.12".
inline constexpr std::string_view kAspectOf = "aspect.";
inline constexpr std::string_view kCensoredOf = "censored.";

std::string_view SettingOr(const BoxSettings& settings, std::string_view name,
                           std::string_view otherwise);

// Takes over what is newer in `from`. New names beyond kMaxSettings are left out.
void MergeNewer(BoxSettings& into, const BoxSettings& from);

}  // namespace holdfast::middleware
