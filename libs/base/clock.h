// Time as an argument: nothing in Holdfast reads the machine's clock except through a Clock.
#pragma once

#include <chrono>

namespace holdfast {

using WallTime = std::chrono::system_clock::time_point;    // what a calendar shows; may jump
using SteadyTime = std::chrono::steady_clock::time_point;  // for measuring and waiting; never jumps
using Duration = std::chrono::nanoseconds;

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime Now() const = 0;
  virtual SteadyTime SteadyNow() const = 0;
};

// The machine's clock.
class SystemClock final : public Clock {
 public:
  WallTime Now() const override { return std::chrono::system_clock::now(); }
  SteadyTime SteadyNow() const override { return std::chrono::steady_clock::now(); }

  static const SystemClock& Get();
};

inline std::int64_t EpochSeconds(WallTime t) {
  return std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count();
}

inline WallTime FromEpochSeconds(std::int64_t s) { return WallTime(std::chrono::seconds(s)); }

inline std::int64_t EpochMillis(WallTime t) {
  return std::chrono::floor<std::chrono::milliseconds>(t).time_since_epoch().count();
}

inline WallTime FromEpochMillis(std::int64_t ms) { return WallTime(std::chrono::milliseconds(ms)); }

}  // namespace holdfast
