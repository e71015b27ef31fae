// Sums over the last seconds, forgotten a tenth of the window at a time.
#pragma once

#include <array>
#include <cstdint>

#include "libs/base/clock.h"

namespace holdfast::rpc {

// `Sums` is a struct of numbers with +=. A sum covers between nine tenths of the window and all of
// it. Not thread-safe.
template <class Sums>
class SlidingWindow {
 public:
  explicit SlidingWindow(Duration width) : width_(width) {}

  // Where to add what happens now.
  Sums& At(SteadyTime now) {
    const std::int64_t number = NumberAt(now);
    Slot& slot = slots_[static_cast<std::size_t>(number) % kSlots];
    if (slot.number != number) slot = Slot{.number = number, .sums = {}};
    return slot.sums;
  }

  Sums Total(SteadyTime now) const {
    const std::int64_t current = NumberAt(now);
    Sums total = {};
    for (const Slot& slot : slots_) {
      const bool recent = slot.number + static_cast<std::int64_t>(kSlots) > current;
      if (recent && slot.number <= current) total += slot.sums;
    }
    return total;
  }

  void Clear() { slots_ = {}; }

  Duration width() const { return width_; }
  // Forgets everything: the slots of one width mean nothing in another.
  void SetWidth(Duration width) {
    if (width == width_) return;
    width_ = width;
    Clear();
  }

 private:
  static constexpr std::size_t kSlots = 10;
  struct Slot {
    std::int64_t number = -1;  // which tenth of a window since the clock's start
    Sums sums = {};
  };

  std::int64_t NumberAt(SteadyTime now) const {
    return now.time_since_epoch() / (width_ / static_cast<std::int64_t>(kSlots));
  }

  Duration width_;
  std::array<Slot, kSlots> slots_;
};

}  // namespace holdfast::rpc
