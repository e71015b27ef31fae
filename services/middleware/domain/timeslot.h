// When a box should call in, so that many of them do not call together.
#pragma once

#include <chrono>

#include "services/middleware/domain/mac.h"

namespace holdfast::middleware {

// Measured: some clients use the time slot as a phase within the heartbeat period, others as the
// period itself, where a value below one second makes them call in a tight loop.
inline constexpr std::chrono::seconds kShortestTimeslot{10};

struct Timeslot {
  double seconds = 0;  // in [10 s, heartbeat], spread evenly over boxes, always the same for one
  double ratio = 0;    // seconds / heartbeat
};

// A heartbeat shorter than kShortestTimeslot gives exactly kShortestTimeslot.
Timeslot TimeslotOf(const Mac& mac, std::chrono::seconds heartbeat);

}  // namespace holdfast::middleware
