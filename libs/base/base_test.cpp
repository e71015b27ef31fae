#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "absl/synchronization/notification.h"
#include "libs/base/deadline.h"
#include "libs/base/encoding.h"
#include "libs/base/money.h"
#include "libs/base/random.h"
#include "libs/base/status.h"
#include "libs/base/time_zone.h"
#include "libs/base/worker_pool.h"

namespace holdfast {
namespace {

absl::StatusOr<int> Half(int n) {
  if (n % 2 != 0) return InvalidArgument("{} is odd", n);
  return n / 2;
}

absl::StatusOr<int> Quarter(int n) {
  HOLDFAST_ASSIGN_OR_RETURN(const int half, Half(n));
  return Half(half);
}

TEST(Status, AssignOrReturnPassesTheErrorOn) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_EQ(ToString(Quarter(6).status()), "INVALID_ARGUMENT: 3 is odd");
}

TEST(Status, AnnotateKeepsTheCode) {
  const absl::Status status = Annotate(Unavailable("refused"), "billing");
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(status.message(), "billing: refused");
  EXPECT_TRUE(Annotate(absl::OkStatus(), "billing").ok());
}

TEST(Encoding, HexAndBase64UrlRoundTrip) {
  const std::string bytes("\x00\xff\x10 a", 5);
  EXPECT_EQ(ToHex(bytes), "00ff102061");
  EXPECT_EQ(FromHex("00FF102061"), bytes);
  EXPECT_EQ(FromBase64Url(ToBase64Url(bytes)), bytes);
  EXPECT_EQ(ToBase64Url("ab"), "YWI");
}

TEST(Encoding, RefusesBrokenHexAndBase64) {
  EXPECT_FALSE(FromHex("abc"));
  EXPECT_FALSE(FromHex("zz"));
  EXPECT_FALSE(FromBase64Url("YWI="));
  EXPECT_FALSE(FromBase64Url("YW I"));
}

TEST(Encoding, PercentDecodingIsLenient) {
  EXPECT_EQ(PercentDecode("a%20b+c%3a"), "a b c:");
  EXPECT_EQ(PercentDecode("100%"), "100%");
  EXPECT_EQ(PercentDecode("%zz%4"), "%zz%4");
  EXPECT_EQ(PercentEncode("a b/ü"), "a%20b%2F%C3%BC");
}

TEST(Money, PrintsTheDigitsOfItsCurrency) {
  EXPECT_EQ(Money::Make(-1234, "EUR")->ToString(), "-12.34 EUR");
  EXPECT_EQ(Money::Make(500, "JPY")->ToString(), "500 JPY");
  EXPECT_EQ(Money::Make(1005, "KWD")->ToString(), "1.005 KWD");
}

TEST(Money, CurrenciesDoNotMixAndSumsDoNotOverflow) {
  EXPECT_FALSE(Add(*Money::Make(1, "EUR"), *Money::Make(1, "USD")).ok());
  EXPECT_FALSE(Add(*Money::Make(INT64_MAX, "EUR"), *Money::Make(1, "EUR")).ok());
  EXPECT_FALSE(Money::Make(1, "eur").ok());
}

TEST(Money, ProratesHalfAwayFromZero) {
  EXPECT_EQ(Prorate(*Money::Make(1000, "EUR"), 1, 3)->minor_units(), 333);
  EXPECT_EQ(Prorate(*Money::Make(1, "EUR"), 1, 2)->minor_units(), 1);
  EXPECT_EQ(Prorate(*Money::Make(-1, "EUR"), 1, 2)->minor_units(), -1);
  EXPECT_FALSE(Prorate(*Money::Make(1, "EUR"), 1, 0).ok());
}

TEST(Deadline, RemainsWithinItsBoundsAtTheEndsOfTheClock) {
  EXPECT_EQ(Deadline(SteadyTime::min()).Remaining(), Duration::zero());
  EXPECT_EQ(Deadline(SteadyTime()).Remaining(), Duration::zero());
  EXPECT_GT(Deadline(SteadyTime::max() - std::chrono::seconds(1)).Remaining(), std::chrono::hours(24));
  EXPECT_EQ(Deadline::Never().Remaining(), std::chrono::hours(24));
}

TEST(TimeZone, KnowsSummerTime) {
  const TimeZone london = *TimeZone::Load("Europe/London");
  EXPECT_EQ(london.OffsetSeconds(FromEpochSeconds(1767348000)), 0);     // January
  EXPECT_EQ(london.OffsetSeconds(FromEpochSeconds(1782986400)), 3600);  // July
  EXPECT_EQ(london.Format("%Y-%m-%d %H:%M", FromEpochSeconds(1767348000)), "2026-01-02 10:00");
  EXPECT_FALSE(TimeZone::Load("Nowhere/Atlantis"));
}

TEST(Random, TheSameSeedGivesTheSameSequence) {
  SeededRandom a(7), b(7);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(a.Next(), b.Next());
    EXPECT_LT(a.Below(10), 10u);
    b.Below(10);
  }
}

TEST(WorkerPool, RunsEverythingItAccepted) {
  std::atomic<int> ran = 0;
  int accepted = 0;
  {
    WorkerPool pool({.name = "t", .threads = 3, .max_waiting = 10});
    for (int i = 0; i < 100; ++i) accepted += pool.TrySubmit([&] { ++ran; }) ? 1 : 0;
  }
  EXPECT_EQ(ran, accepted);
  EXPECT_GE(accepted, 10);
}

TEST(WorkerPool, RefusesWhenFull) {
  absl::Notification go;
  WorkerPool pool({.name = "t", .threads = 1, .max_waiting = 1});
  absl::Notification started;
  ASSERT_TRUE(pool.TrySubmit([&] {
    started.Notify();
    go.WaitForNotification();
  }));
  started.WaitForNotification();
  EXPECT_TRUE(pool.TrySubmit([] {}));
  EXPECT_FALSE(pool.TrySubmit([] {}));
  go.Notify();
}

TEST(WorkerPool, TellsTheJobsItRefusesWhy) {
  absl::Notification go, started;
  std::atomic<int> full = 0, late = 0, ran = 0;
  const auto count = [&](Refusal why) { ++(why == Refusal::kLate ? late : full); };
  {
    WorkerPool pool({.name = "t", .threads = 1, .max_waiting = 1});
    ASSERT_TRUE(pool.TrySubmit([&] {
      started.Notify();
      go.WaitForNotification();
    }));
    started.WaitForNotification();
    for (int i = 0; i < 2; ++i) {
      Job job;
      job.run = [&] { return ++ran, Job::Timing::kTypical; };
      job.refuse = count;
      job.deadline = Deadline(SteadyTime());
      pool.Submit(std::move(job));
    }
    EXPECT_EQ(full, 1);
    go.Notify();
    pool.AwaitIdle();
    EXPECT_EQ(late, 1);
    EXPECT_EQ(pool.busy() + pool.waiting(), 0u);
  }
  EXPECT_EQ(ran, 0);
}

}  // namespace
}  // namespace holdfast
