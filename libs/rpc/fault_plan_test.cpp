#include "libs/rpc/fault_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/status.h"
#include "libs/testing/fake_clock.h"
#include "libs/testing/status_matchers.h"

namespace holdfast::rpc {
namespace {

using namespace std::chrono_literals;
using absl::StatusCode;
using test::HasCode;
using test::HasMessage;
using test::IsOk;
using testing::HasSubstr;

class FaultPlanTest : public testing::Test {
 protected:
  bool Strikes(std::string_view neighbour = "billing", std::string_view instance = "billing-a",
               std::string_view method = "S/M",
               Criticality criticality = Criticality::kInteractive) {
    return plan_.Strike({neighbour, instance, method, criticality}).has_value();
  }
  // Of 1000 tries, 100 a second.
  int Struck() {
    int struck = 0;
    for (int i = 0; i < 1000; ++i) {
      clock_.Advance(10ms);
      struck += Strikes() ? 1 : 0;
    }
    return struck;
  }
  absl::StatusOr<int> Add(std::string_view text) {
    HOLDFAST_ASSIGN_OR_RETURN(const Fault fault, ParseFault(text));
    return plan_.Add(fault);
  }

  test::FakeClock clock_;
  SeededRandom random_{5};
  telemetry::Metrics metrics_;
  FaultPlan plan_{true, {.max_percent = 50}, clock_, random_, metrics_};
};

TEST_F(FaultPlanTest, NothingHappensUnlessAsked) { EXPECT_EQ(Struck(), 0); }

TEST_F(FaultPlanTest, StrikesTheShareThatWasAskedFor) {
  ASSERT_THAT(Add("neighbour=billing kind=error code=INTERNAL percent=20 for=1m"), IsOk());
  EXPECT_NEAR(Struck(), 200, 40);
  EXPECT_THAT(metrics_.Scrape(),
              HasSubstr("holdfast_faults_injected_total{kind=\"error\",neighbour=\"billing\"}"));
}

TEST_F(FaultPlanTest, EndsByItself) {
  ASSERT_THAT(Add("neighbour=billing kind=hang percent=50 for=10s"), IsOk());
  EXPECT_GT(Struck(), 300);
  EXPECT_EQ(Struck(), 0);
  EXPECT_THAT(plan_.Describe(), HasSubstr("none in effect"));
  EXPECT_THAT(metrics_.Scrape(), HasSubstr("holdfast_faults_active 0"));
}

TEST_F(FaultPlanTest, EndsWithoutATryWhenItIsAsked) {
  ASSERT_THAT(Add("neighbour=billing kind=hang percent=50 for=10s"), IsOk());
  clock_.Advance(9s);
  plan_.EndDue();
  EXPECT_THAT(metrics_.Scrape(), HasSubstr("holdfast_faults_active 1"));
  clock_.Advance(1s);
  plan_.EndDue();
  EXPECT_THAT(metrics_.Scrape(), HasSubstr("holdfast_faults_active 0"));
}

TEST_F(FaultPlanTest, HitsOnlyWhatItNames) {
  ASSERT_THAT(Add("neighbour=billing instance=billing-a method=S/M percent=50 for=1m"), IsOk());
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(Strikes("epg"));
    EXPECT_FALSE(Strikes("billing", "billing-b"));
    EXPECT_FALSE(Strikes("billing", "billing-a", "S/Other"));
    EXPECT_FALSE(Strikes("billing", "billing-a", "S/M", Criticality::kCritical));
  }
  EXPECT_GT(Struck(), 300);
}

TEST_F(FaultPlanTest, OnlyStreamsBreakInTheMiddle) {
  ASSERT_THAT(Add("neighbour=billing kind=truncate after=3 percent=50 for=1m"), IsOk());
  EXPECT_EQ(Struck(), 0);
  std::optional<Fault> fault;
  while (!fault) fault = plan_.Strike({.neighbour = "billing", .stream = true});
  EXPECT_EQ(fault->after_messages, 3);
}

TEST_F(FaultPlanTest, CriticalCallsAreSparedUnlessNamed) {
  ASSERT_THAT(Add("neighbour=billing percent=50 for=1m critical=yes"), IsOk());
  int struck = 0;
  for (int i = 0; i < 100; ++i) {
    struck += Strikes("billing", "billing-a", "S/M", Criticality::kCritical) ? 1 : 0;
  }
  EXPECT_GT(struck, 20);
}

TEST_F(FaultPlanTest, SeveralTogetherStayWithinTheBlastRadius) {
  for (int i = 0; i < 5; ++i) {
    ASSERT_THAT(Add("neighbour=billing percent=50 for=10m"), IsOk());
  }
  EXPECT_LE(Struck(), 500 + 5);
  EXPECT_GE(Struck(), 450);
  EXPECT_THAT(metrics_.Scrape(), HasSubstr("holdfast_faults_spared_total"));
}

TEST_F(FaultPlanTest, RefusesWhatIsBeyondTheLimits) {
  EXPECT_THAT(Add("neighbour=billing percent=60 for=1m"), HasMessage("percent"));
  EXPECT_THAT(Add("neighbour=billing percent=10 for=2h"), HasMessage("for"));
  EXPECT_EQ(Struck(), 0);
}

TEST_F(FaultPlanTest, NamesTheWordAtFault) {
  EXPECT_THAT(Add("kind=hang percent=10 for=1m"), HasMessage("neighbour"));
  EXPECT_THAT(Add("neighbour=billing percent=10"), HasMessage("for"));
  EXPECT_THAT(Add("neighbour=billing for=1m"), HasMessage("percent"));
  EXPECT_THAT(Add("neighbour=billing percent=10 for=1m kind=odd"), HasMessage("kind"));
  EXPECT_THAT(Add("neighbour=billing percent=10 for=1m code=ODD"), HasMessage("code"));
  EXPECT_THAT(Add("neighbour=billing percent=10 for=1m kind=latency"), HasMessage("latency"));
  EXPECT_THAT(Add("neighbour=billing percent=ten for=1m"), HasMessage("percent"));
  EXPECT_THAT(Add("neighbour=billing percent=10 for=1m colour=red"), HasMessage("colour"));
}

TEST_F(FaultPlanTest, CanBeTakenBack) {
  const absl::StatusOr<int> number = Add("neighbour=billing percent=50 for=1m");
  ASSERT_THAT(number, IsOk());
  EXPECT_THAT(plan_.Remove(*number + 1), HasCode(StatusCode::kNotFound));
  EXPECT_THAT(plan_.Remove(*number), IsOk());
  EXPECT_EQ(Struck(), 0);
  ASSERT_THAT(Add("neighbour=billing percent=50 for=1m"), IsOk());
  plan_.Clear();
  EXPECT_EQ(Struck(), 0);
}

TEST_F(FaultPlanTest, IsLoud) {
  ASSERT_THAT(Add("neighbour=billing kind=latency latency=80ms percent=20 for=5m"), IsOk());
  EXPECT_THAT(plan_.Describe(), HasSubstr("!! FAULTS MADE ON PURPOSE"));
  EXPECT_THAT(plan_.Describe(), HasSubstr("20 % of billing: latency 80ms"));
  EXPECT_THAT(metrics_.Scrape(), HasSubstr("holdfast_faults_active 1"));
}

TEST(FaultPlanOffTest, IsOffUnlessEnabled) {
  test::FakeClock clock;
  SeededRandom random(1);
  telemetry::Metrics metrics;
  FaultPlan plan(false, {}, clock, random, metrics);
  EXPECT_THAT(plan.Add({.neighbour = "billing", .percent = 10, .lasts = 1s}),
              HasCode(StatusCode::kFailedPrecondition));
  EXPECT_FALSE(plan.Strike({"billing", "billing-a", "S/M", Criticality::kBulk}));
}

}  // namespace
}  // namespace holdfast::rpc
