#include "libs/rpc/slow_row.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "libs/base/random.h"
#include "libs/testing/fake_clock.h"

namespace holdfast::rpc {
namespace {

using namespace std::chrono_literals;

constexpr Duration kAtLeast = 500ms;

class SlowRowTest : public testing::Test {
 protected:
  void Others(int tries, int slow = 0) {
    for (int i = 0; i < tries; ++i) tally_.Count(i < slow);
  }
  // One after the other, with the others' tries before each of them; true: the last one condemns.
  bool Slow(int tries, Duration apart, int others = 2, int others_slow = 0) {
    bool condemned = false;
    for (int i = 0; i < tries; ++i) {
      clock_.Advance(apart);
      Others(others, others_slow);
      tally_.Count(true);
      condemned = row_.Count(true, clock_.SteadyNow(), tally_.counts(), kAtLeast);
    }
    return condemned;
  }
  void Good(int tries) {
    for (int i = 0; i < tries; ++i) {
      tally_.Count(false);
      EXPECT_FALSE(row_.Count(false, clock_.SteadyNow(), tally_.counts(), kAtLeast));
    }
  }

  test::FakeClock clock_;
  SlowTally tally_;
  SlowRow row_;
};

TEST_F(SlowRowTest, CondemnsAfterHalfASecondOfNothingElse) {
  EXPECT_FALSE(Slow(50, 10ms)) << "490 ms";
  EXPECT_TRUE(Slow(1, 10ms));
}

TEST_F(SlowRowTest, FewTriesSayNothing) {
  EXPECT_FALSE(Slow(4, 200ms, /*others=*/100));
  EXPECT_TRUE(Slow(1, 200ms, /*others=*/100));
}

TEST_F(SlowRowTest, WithoutOthersThereIsNothingToCompareWith) {
  EXPECT_FALSE(Slow(200, 10ms, /*others=*/0));
  Slow(1, 10s, /*others=*/0);
  Others(4);
  EXPECT_FALSE(Slow(100, 10ms, /*others=*/0));
}

TEST_F(SlowRowTest, NobodyIsCondemnedWhileTheOthersAreSlowToo) {
  EXPECT_FALSE(Slow(1000, 10ms, /*others=*/2, /*others_slow=*/2));
  EXPECT_FALSE(Slow(1000, 10ms, /*others=*/3, /*others_slow=*/1));
}

TEST_F(SlowRowTest, WhoIsOftenSlowByNatureNeedsALongerRow) {
  EXPECT_FALSE(Slow(9, 100ms, /*others=*/24, /*others_slow=*/6)) << "two to the eighteenth";
  Good(9);
  EXPECT_TRUE(Slow(11, 100ms, /*others=*/24, /*others_slow=*/5));
}

TEST_F(SlowRowTest, GoodAnswersEndItWhenTheyAreMoreThanAFourth) {
  Slow(48, 10ms);
  Good(16);
  EXPECT_TRUE(Slow(5, 10ms));
  row_.End();
  Slow(48, 10ms);
  Good(17);
  EXPECT_FALSE(Slow(5, 10ms));
}

TEST_F(SlowRowTest, AGoodAnswerNeverCondemns) {
  Slow(50, 10ms);
  clock_.Advance(10ms);
  Good(1);
  EXPECT_TRUE(Slow(1, 1ms));
}

// Everybody was slow, and this one stays so: what was then says nothing about now.
TEST_F(SlowRowTest, IsNotCondemnedForTheTimeWhenAllWereSlow) {
  Slow(600, 10ms, /*others=*/2, /*others_slow=*/2);
  EXPECT_FALSE(Slow(49, 10ms)) << "490 ms";
  bool condemned = false;
  for (int i = 0; i < 250 && !condemned; ++i) condemned = Slow(1, 10ms);
  EXPECT_TRUE(condemned) << "a row that began after it";
}

TEST_F(SlowRowTest, TriesThatAreFarApartAreNoRow) {
  EXPECT_FALSE(Slow(100, 600ms, /*others=*/100));
}

TEST_F(SlowRowTest, ZeroMeansNever) {
  for (int i = 0; i < 1000; ++i) {
    clock_.Advance(10ms);
    Others(10);
    tally_.Count(true);
    ASSERT_FALSE(row_.Count(true, clock_.SteadyNow(), tally_.counts(), Duration::zero()));
  }
}

// Whatever happens in whatever order: who is condemned has done nothing but be slow for long
// enough, beside others who were well.
TEST(SlowRowPropertyTest, NeverCondemnsWithoutReason) {
  struct Try {
    SteadyTime at;
    bool ours;
    bool slow;
  };
  const std::uint64_t seed = SecureSeed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  SeededRandom random(seed);
  int condemned = 0;
  for (int run = 0; run < 300; ++run) {
    test::FakeClock clock;
    SlowTally tally;
    SlowRow row;
    std::vector<Try> tries;
    const double ours_slow = 1 - random.Uniform() * random.Uniform() / 4;
    const double others_slow = random.Uniform() / 2;
    const auto pause = 1 + random.Below(60);
    for (int step = 0; step < 400; ++step) {
      clock.Advance(std::chrono::milliseconds(random.Below(pause)));
      const bool ours = random.Below(3) == 0;
      const bool slow = random.Uniform() < (ours ? ours_slow : others_slow);
      tries.push_back({clock.SteadyNow(), ours, slow});
      tally.Count(slow);
      if (!ours) continue;
      if (!row.Count(slow, clock.SteadyNow(), tally.counts(), kAtLeast)) continue;
      ++condemned;
      ASSERT_TRUE(slow);
      // There is a moment at which the row can have begun.
      int row_tries = 0, row_slow = 0, others = 0, others_were_slow = 0;
      bool reason = false;
      for (auto it = tries.rbegin(); it != tries.rend() && !reason; ++it) {
        (it->ours ? row_tries : others) += 1;
        if (it->slow) (it->ours ? row_slow : others_were_slow) += 1;
        const Duration lasted = clock.SteadyNow() - it->at;
        reason = it->ours && it->slow && row_tries >= 5 && others >= 5 && lasted >= kAtLeast &&
                 lasted <= 4 * kAtLeast && 4 * row_slow >= 3 * row_tries &&
                 4 * others_were_slow <= others;
      }
      ASSERT_TRUE(reason) << "run " << run;
      row.End();
    }
  }
  EXPECT_GT(condemned, 0) << "otherwise this shows nothing";
}

}  // namespace
}  // namespace holdfast::rpc
