#include "services/middleware/domain/timeslot.h"

#include <algorithm>

namespace holdfast::middleware {

Timeslot TimeslotOf(const Mac& mac, std::chrono::seconds heartbeat) {
  const double shortest = static_cast<double>(kShortestTimeslot.count());
  const double longest = std::max(static_cast<double>(heartbeat.count()), shortest);
  // Whole milliseconds: the number is printed, and 119.99999999 helps nobody.
  const double position = static_cast<double>(mac.Spread() % 1000) / 999.0;
  const double seconds = shortest + (longest - shortest) * position;
  return {.seconds = seconds, .ratio = std::min(1.0, seconds / longest)};
}

}  // namespace holdfast::middleware
