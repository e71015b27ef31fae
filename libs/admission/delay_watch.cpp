#include "libs/admission/delay_watch.h"

#include <algorithm>

namespace holdfast::admission {
namespace {

// A pause this long between two calls says that there is no load at all.
constexpr std::int64_t kMostWindows = 20;

}  // namespace

void DelayWatch::CloseWindow(SteadyTime now) {
  const std::int64_t at = now.time_since_epoch().count();
  std::int64_t end = window_end_.load(std::memory_order_relaxed);
  if (at < end) return;
  // Whoever moves the end closes the window; the others go on.
  if (!window_end_.compare_exchange_strong(end, at + options_.window.count())) return;
  const std::int64_t sum = sum_.exchange(0, std::memory_order_relaxed);
  const std::int64_t count =
      std::max<std::int64_t>(count_.exchange(0, std::memory_order_relaxed), 1);
  const double mean = static_cast<double>(sum) / static_cast<double>(count);
  // Windows without a call are windows without pressure.
  const std::int64_t empty =
      end == 0 ? 0 : std::min((at - end) / options_.window.count(), kMostWindows);
  for (std::int64_t i = 0; i < empty && level_.level() > 0; ++i) level_.Update(0);
  level_.Update(mean / static_cast<double>(options_.right.count()));
}

}  // namespace holdfast::admission
