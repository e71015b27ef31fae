// The clocks of one machine, and timers by them.
#pragma once

#include <cstdint>

#include "libs/base/clock.h"
#include "tests/sim/timeline.h"

namespace holdfast::sim {

// Its wall clock jumps when somebody sets it; its steady clock may run fast or slow, and stands
// still while the machine is suspended. No two machines agree on a steady clock, so a moment of one
// means nothing to another: what crosses the network is how long.
class OwnClock final : public Clock {
 public:
  explicit OwnClock(Timeline& timeline) : timeline_(timeline), since_(timeline.SteadyNow()) {}

  WallTime Now() const override {
    const Duration wrong = jumped_ + (SteadyNow() - timeline_.SteadyNow());
    return timeline_.Now() + std::chrono::duration_cast<WallTime::duration>(wrong);
  }
  SteadyTime SteadyNow() const override {
    const Duration passed = timeline_.SteadyNow() - since_;
    return since_ + stood_ + (rate_ == 1 ? passed : Scaled(passed, rate_));
  }

  // After `wait` of this clock; as with the timers of a kernel, never before.
  void In(Duration wait, Actor& actor, std::uint32_t what, std::uint64_t with = 0) {
    constexpr Duration kRounding(2);  // of both conversions
    timeline_.In(rate_ == 1 ? wait : Scaled(wait, 1 / rate_) + kRounding, actor, what, with);
  }

  void JumpWall(Duration by) { jumped_ += by; }
  // 1.05: it gains 5 %. Timers that were asked for before end when they would have ended.
  void SetRate(double rate) {
    stood_ = SteadyNow() - timeline_.SteadyNow();
    since_ = timeline_.SteadyNow();
    rate_ = rate;
  }
  // The machine has not lived for so long; its wall clock is set right when it goes on.
  void StoodStill(Duration time) {
    stood_ -= time;
    jumped_ += time;
  }

 private:
  static Duration Scaled(Duration duration, double factor) {
    return Duration(static_cast<std::int64_t>(static_cast<double>(duration.count()) * factor));
  }

  Timeline& timeline_;
  SteadyTime since_;      // that rate began
  Duration stood_ = {};   // what it was ahead then, and has stood still
  Duration jumped_ = {};  // what the wall clock is ahead of the steady one
  double rate_ = 1;
};

}  // namespace holdfast::sim
