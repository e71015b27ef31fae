#include "libs/discovery/backoff.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace holdfast::discovery {
namespace {

using namespace std::chrono_literals;

TEST(BackoffTest, WaitsGrowToTheLongestAndBeginAnewAfterSuccess) {
  SeededRandom random(1);
  Backoff backoff(50ms, 3s, random);
  for (int i = 0; i < 20; ++i) {
    const Duration wait = backoff.Next();
    const Duration ceiling = std::min<Duration>(50ms * (1 << std::min(i, 10)), 3s);
    EXPECT_GE(wait, ceiling / 4) << i;
    EXPECT_LE(wait, ceiling) << i;
  }
  backoff.Reset();
  EXPECT_LE(backoff.Next(), 50ms);
}

// A thousand processes lost their registry together; it comes back after a minute.
TEST(BackoffTest, AFleetDoesNotComeBackTogether) {
  constexpr int kFleet = 1000;
  const Duration outage = 60s;
  std::vector<double> returns;  // seconds after the registry's return
  for (int process = 0; process < kFleet; ++process) {
    SeededRandom random(static_cast<std::uint64_t>(process));
    Backoff backoff(50ms, 3s, random);
    Duration at{};
    while (at < outage) at += backoff.Next();
    returns.push_back(std::chrono::duration<double>(at - outage).count());
  }
  std::sort(returns.begin(), returns.end());
  EXPECT_LE(returns.back(), 3.0);
  int most = 0;  // in any tenth of a second
  for (auto first = returns.begin(), last = first; first != returns.end(); ++first) {
    while (last != returns.end() && *last < *first + 0.1) ++last;
    most = std::max(most, static_cast<int>(last - first));
  }
  EXPECT_LT(most, kFleet / 10);
}

}  // namespace
}  // namespace holdfast::discovery
