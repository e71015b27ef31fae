#include "services/middleware/zones.h"

#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <optional>

namespace holdfast::middleware {
namespace {

constexpr std::string_view kFolder = "/usr/share/zoneinfo/";
constexpr std::size_t kLongestName = 64;

// The library below would open any file that a name leads to, and keep every name it was asked for.
bool IsNameOfZone(std::string_view name) {
  if (name.empty() || name.size() > kLongestName || name.front() == '/') return false;
  if (name.find("..") != std::string_view::npos) return false;
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '/' || c == '_' || c == '-' ||
           c == '+';
  });
  struct stat info = {};
  return plain && stat((std::string(kFolder) + std::string(name)).c_str(), &info) == 0 &&
         S_ISREG(info.st_mode);
}

}  // namespace

Zones::Zones(std::string_view default_name) : default_{"UTC", TimeZone::Utc()} {
  default_ = Find(default_name);
}

NamedZone Zones::Find(std::string_view name) {
  if (name.empty() || name == default_.name) return default_;
  {
    absl::ReaderMutexLock lock(&mutex_);
    if (const TimeZone* zone = holdfast::Find(known_, name)) return {std::string(name), *zone};
  }
  if (!IsNameOfZone(name)) return default_;
  const std::optional<TimeZone> zone = TimeZone::Load(name);
  if (!zone) return default_;
  absl::MutexLock lock(&mutex_);
  known_[std::string(name)] = *zone;
  return {std::string(name), *zone};
}

}  // namespace holdfast::middleware
