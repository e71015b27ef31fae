#include "services/middleware/domain/guide_id.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace holdfast::middleware {
namespace {

constexpr std::size_t kLongestStem = 64;

bool IsLabelByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

// ^[-a-zA-Z0-9]+(\.[-a-zA-Z0-9]+)+$
bool LooksLikeHost(std::string_view id) {
  if (id.empty() || id.front() == '.' || id.back() == '.') return false;
  if (id.find('.') == std::string_view::npos || id.find("..") != std::string_view::npos) {
    return false;
  }
  return std::all_of(id.begin(), id.end(), [](char c) { return c == '.' || IsLabelByte(c); });
}

// FNV-1a: the same on every instance and in every release.
std::uint32_t Fingerprint(std::string_view text) {
  std::uint32_t h = 2166136261u;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 16777619u;
  return h;
}

}  // namespace

std::string ExportedGuideId(std::string_view guide_id) {
  if (guide_id.empty() || LooksLikeHost(guide_id)) return std::string(guide_id);
  std::string stem;
  for (const char c : guide_id.substr(0, kLongestStem)) {
    if (IsLabelByte(c)) {
      stem += c;
    } else if (!stem.empty() && stem.back() != '-') {
      stem += '-';
    }
  }
  while (stem.ends_with('-')) stem.pop_back();
  return fmt::format("{}.{:08x}", stem.empty() ? "guide" : stem, Fingerprint(guide_id));
}

}  // namespace holdfast::middleware
