#include "libs/admission/load_level.h"

#include <algorithm>
#include <cstdint>
#include <functional>

namespace holdfast::admission {
namespace {

constexpr std::uint32_t kOne = 1024;
constexpr double kTop = 3;  // bulk, background and interactive are refused

}  // namespace

void LoadLevel::Update(double pressure) {
  const double before = level();
  const double step = pressure >= 1 ? options_.up * std::clamp(pressure - 1, 0.2, 1.0)
                                    : -options_.down * std::clamp(1 - pressure, 0.2, 1.0);
  const double after = std::clamp(before + step, 0.0, kTop);
  if (before == 0 && after > 0) {
    salt_.store(static_cast<std::uint32_t>(random_.Next()), std::memory_order_relaxed);
  }
  level_.store(after, std::memory_order_relaxed);
  shed_.store(static_cast<std::uint32_t>(after * kOne), std::memory_order_relaxed);
}

bool LoadLevel::AdmitsUnderLoad(Criticality criticality, std::string_view who,
                                std::uint32_t shed) const {
  if (criticality == Criticality::kCritical) return true;
  // Bulk is refused between 0 and 1, background between 1 and 2, interactive between 2 and 3.
  const auto begins =
      static_cast<std::uint32_t>(IndexOf(Criticality::kBulk) - IndexOf(criticality)) * kOne;
  if (shed <= begins) return true;
  // Not Abseil's hash, which differs from process to process: a simulated storm must be the same
  // storm again. (Multiplier: 2^64 over the golden ratio; its upper bits depend on all bits.)
  const std::uint64_t salt = salt_.load(std::memory_order_relaxed);
  const std::uint64_t hash = (std::hash<std::string_view>()(who) ^ salt) * 0x9E3779B97F4A7C15;
  return (hash >> 32) % kOne >= shed - begins;
}

}  // namespace holdfast::admission
