#include "libs/rpc/slow_row.h"

#include <algorithm>
#include <cmath>

namespace holdfast::rpc {

namespace {

constexpr std::int64_t kFewestTries = 5;  // in the row, and on others meanwhile
constexpr double kSlowInARow = 0.75;
constexpr double kOthersSlowAtMost = 0.25;
constexpr double kChanceBits = 20;           // one in a million
constexpr std::int64_t kForgottenAfter = 4;  // times the least time

// What each try of a row says against chance: of n tries a share of `seen` or more is slow with a
// probability of at most 2 to the minus n times this, where `expected` is usual (Chernoff's bound).
double BitsAgainst(double seen, double expected) {
  const double slow = seen * std::log2(seen / expected);
  return seen < 1 ? slow + (1 - seen) * std::log2((1 - seen) / (1 - expected)) : slow;
}

}  // namespace

void SlowTally::Count(bool slow) {
  tries_.fetch_add(1, std::memory_order_relaxed);
  if (slow) slow_.fetch_add(1, std::memory_order_relaxed);
}

SlowTally::Counts SlowTally::counts() const {
  return {.tries = tries_.load(std::memory_order_relaxed),
          .slow = slow_.load(std::memory_order_relaxed)};
}

bool SlowRow::Count(bool slow, SteadyTime began, SlowTally::Counts all, Duration at_least) {
  if (at_least <= Duration::zero() || (!slow && tries_ == 0)) return false;
  if (slow && (tries_ == 0 || began - began_ > kForgottenAfter * at_least)) {
    tries_ = slow_ = 1;
    began_ = began;
    at_begin_ = all;
    return false;
  }
  ++tries_;
  slow_ += slow ? 1 : 0;
  if (static_cast<double>(slow_) < kSlowInARow * static_cast<double>(tries_)) End();
  return slow && began - began_ >= at_least && Condemns(all);
}

bool SlowRow::Condemns(SlowTally::Counts all) const {
  // The first of ours is in at_begin_.
  const std::int64_t others = all.tries - at_begin_.tries - (tries_ - 1);
  if (tries_ < kFewestTries || others < kFewestTries) return false;
  const std::int64_t slow =
      std::clamp<std::int64_t>(all.slow - at_begin_.slow - (slow_ - 1), 0, others);
  // A high guess: none of five does not mean never.
  const double expected = (static_cast<double>(slow) + 2) / (static_cast<double>(others) + 2);
  const double seen = static_cast<double>(slow_) / static_cast<double>(tries_);
  return expected <= kOthersSlowAtMost &&
         static_cast<double>(tries_) * BitsAgainst(seen, expected) >= kChanceBits;
}

}  // namespace holdfast::rpc
