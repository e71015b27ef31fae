#include "services/middleware/attempt_limiter.h"

#include <gtest/gtest.h>

#include <string>

#include "libs/testing/fake_clock.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;

class AttemptFloodTest : public testing::Test {
 protected:
  int AllowedOf(int tries, const std::string& key) {
    int allowed = 0;
    for (int i = 0; i < tries; ++i) allowed += limiter_.Allow(key) ? 1 : 0;
    return allowed;
  }
  test::FakeClock clock_;
  AttemptLimiter limiter_{{.attempts = 2, .window = 60s, .max_keys = 10}, clock_};
};

TEST_F(AttemptFloodTest, WhoTookTooManyStaysRefusedWhateverKeysOthersUse) {
  EXPECT_EQ(AllowedOf(5, "guesser"), 2);
  for (int i = 0; i < 10'000; ++i) limiter_.Allow("other-" + std::to_string(i));
  EXPECT_EQ(AllowedOf(5, "guesser"), 0);
}

TEST_F(AttemptFloodTest, ChangingTheKeyAllTheTimeGainsAnAttemptOfEachPlaceOnly) {
  int allowed = 0;
  for (int i = 0; i < 100'000; ++i) allowed += limiter_.Allow("key-" + std::to_string(i)) ? 1 : 0;
  EXPECT_LE(allowed, 10 + 2 * 1024);  // own places, and those that are shared
}

TEST_F(AttemptFloodTest, WhenTheFloodIsOverEverybodyHasAPlaceAgain) {
  for (int i = 0; i < 100'000; ++i) limiter_.Allow("key-" + std::to_string(i));
  clock_.Advance(61s);
  EXPECT_EQ(AllowedOf(5, "somebody"), 2);
  EXPECT_EQ(AllowedOf(5, "somebody else"), 2);
}

TEST_F(AttemptFloodTest, ExhaustedTellsAndCountsNothing) {
  EXPECT_FALSE(limiter_.Exhausted("a"));
  EXPECT_FALSE(limiter_.Exhausted("a"));
  EXPECT_EQ(AllowedOf(2, "a"), 2);
  EXPECT_TRUE(limiter_.Exhausted("a"));
  EXPECT_FALSE(limiter_.Exhausted("b"));
  clock_.Advance(60s);
  EXPECT_FALSE(limiter_.Exhausted("a"));
}

TEST_F(AttemptFloodTest, ExhaustedKnowsTheSharedPlaces) {
  for (int i = 0; i < 100'000; ++i) limiter_.Allow("key-" + std::to_string(i));
  EXPECT_TRUE(limiter_.Exhausted("key-99999"));
}

}  // namespace
}  // namespace holdfast::middleware
