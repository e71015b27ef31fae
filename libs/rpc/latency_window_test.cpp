#include "libs/rpc/latency_window.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "libs/base/random.h"
#include "libs/testing/fake_clock.h"

namespace holdfast::rpc {
namespace {

using namespace std::chrono_literals;

class LatencyWindowTest : public testing::Test {
 protected:
  void Record(int count, Duration took) {
    for (int i = 0; i < count; ++i) window_.Record(took);
  }

  test::FakeClock clock_;
  LatencyWindow window_{clock_};
};

TEST_F(LatencyWindowTest, SaysNothingAboutAFewCalls) {
  Record(49, 10ms);
  EXPECT_FALSE(window_.p95());
  Record(1, 10ms);
  EXPECT_TRUE(window_.p95());
}

TEST_F(LatencyWindowTest, IsAtMostAQuarterTooHigh) {
  Record(90, 10ms);
  Record(10, 80ms);
  clock_.Advance(100ms);
  Record(1, 10ms);
  EXPECT_GE(*window_.median(), 10ms);
  EXPECT_LE(*window_.median(), 12500us);
  EXPECT_GE(*window_.p95(), 80ms);
  EXPECT_LE(*window_.p95(), 100ms);
}

TEST_F(LatencyWindowTest, ForgetsTheTimeBeforeTheWindow) {
  Record(100, 80ms);
  clock_.Advance(10s);
  Record(100, 1ms);
  EXPECT_LE(*window_.p95(), 1250us);
}

TEST_F(LatencyWindowTest, KeepsItsLastWordWhileNothingIsCalled) {
  Record(100, 10ms);
  clock_.Advance(1h);
  EXPECT_LE(*window_.p95(), 12500us);
}

TEST_F(LatencyWindowTest, TakesAnyTime) {
  Record(50, -1ms);
  EXPECT_LE(*window_.median(), 30us);
  clock_.Advance(10s);
  Record(50, 24h);
  EXPECT_GE(*window_.median(), 60s);
}

TEST(LatencyWindowPropertyTest, QuantilesAreNeverTooLowNorMuchTooHigh) {
  const std::uint64_t seed = SecureSeed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  SeededRandom random(seed);
  for (int run = 0; run < 100; ++run) {
    test::FakeClock clock;
    LatencyWindow window(clock);
    std::vector<Duration> all;
    const std::size_t count = LatencyWindow::kMinCalls + random.Below(400);
    for (std::size_t i = 0; i < count; ++i) {
      all.push_back(std::chrono::microseconds(20 + random.Below(1'000'000)));
    }
    for (std::size_t i = 0; i + 1 < count; ++i) window.Record(all[i]);
    clock.Advance(1s);
    window.Record(all.back());
    std::sort(all.begin(), all.end());
    const auto exact = [&](double q) {
      return all[static_cast<std::size_t>(std::ceil(q * static_cast<double>(count))) - 1];
    };
    ASSERT_GE(*window.median(), exact(0.5));
    ASSERT_LE(*window.median(), exact(0.5) * 5 / 4 + 5us);
    ASSERT_GE(*window.p95(), exact(0.95));
    ASSERT_LE(*window.p95(), exact(0.95) * 5 / 4 + 5us);
  }
}

}  // namespace
}  // namespace holdfast::rpc
