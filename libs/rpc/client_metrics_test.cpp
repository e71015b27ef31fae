#include "libs/rpc/client_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/rpc/testing/echo.h"
#include "libs/rpc/testing/gate.h"
#include "libs/rpc/testing/scrape.h"
#include "libs/testing/eventually.h"
#include "libs/testing/status_matchers.h"

namespace holdfast::rpc {
namespace {

using namespace std::chrono_literals;
using test::Eventually;
using test::IsOk;
using testing::HasSubstr;
using testing::Not;

std::string StateOf(std::string_view instance) {
  return "holdfast_rpc_client_instance_state{instance=\"" + std::string(instance) +
         "\",service=\"echo\"}";
}

class InstanceLabelsTest : public testing::Test {
 protected:
  std::string Take(int number) { return labels_.Take("pod-" + std::to_string(number), true).label; }

  telemetry::Metrics metrics_;
  ClientMetrics families_{metrics_};
  InstanceLabels labels_{families_, "echo"};
};

TEST_F(InstanceLabelsTest, ThoseBeyondTheBoundShareOneName) {
  for (int i = 0; i < 64; ++i) EXPECT_EQ(Take(i), "pod-" + std::to_string(i));
  EXPECT_EQ(Take(64), "other");
  EXPECT_EQ(Take(0), "pod-0") << "who has a name keeps it";
}

TEST_F(InstanceLabelsTest, PodsMayComeAndGoForYears) {
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(Take(i), "pod-" + std::to_string(i));
    if (i >= 2) labels_.GiveBack("pod-" + std::to_string(i - 2));
  }
  const std::string page = metrics_.Scrape();
  EXPECT_THAT(page, HasSubstr("instance=\"pod-998\""));
  EXPECT_THAT(page, HasSubstr("instance=\"pod-999\""));
  EXPECT_THAT(page, Not(HasSubstr("instance=\"pod-997\"")));
  EXPECT_THAT(page, Not(HasSubstr("instance=\"pod-0\"")));
}

TEST_F(InstanceLabelsTest, ANameIsKeptWhileSomebodyBearsIt) {
  Take(1);
  Take(1);  // at another address
  labels_.GiveBack("pod-1");
  EXPECT_THAT(metrics_.Scrape(), HasSubstr("instance=\"pod-1\""));
  labels_.GiveBack("pod-1");
  EXPECT_THAT(metrics_.Scrape(), Not(HasSubstr("instance=\"pod-1\"")));
}

TEST_F(InstanceLabelsTest, TheSharedNameIsNeverTakenAway) {
  EXPECT_EQ(labels_.Take("other", true).label, "other");
  labels_.GiveBack("other");
  EXPECT_THAT(metrics_.Scrape(), HasSubstr("instance=\"other\""));
}

TEST(InstanceStateTest, MetricsSayWhichInstanceIsOut) {
  EchoServer staying;
  EchoServer leaving;
  EchoClient client({staying.address(), leaving.address()});
  EXPECT_TRUE(Eventually([&] {
    const std::string page = client.Scrape();
    return ValueOf(page, StateOf("echo-0")) == 0 && ValueOf(page, StateOf("echo-1")) == 0;
  }));
  leaving.Kill();
  EXPECT_TRUE(Eventually([&] { return ValueOf(client.Scrape(), StateOf("echo-1")) == 4; }));
  client.directory().SetAddresses({staying.address()});
  EXPECT_TRUE(Eventually([&] { return ValueOf(client.Scrape(), StateOf("echo-1")) == -1; }))
      << "who has left is not shown";
  EXPECT_EQ(ValueOf(client.Scrape(), StateOf("echo-0")), 0);
}

TEST(InstanceStateTest, AnEjectedInstanceIsNamed) {
  EchoServer pretender([](const Call&, const v1::Text&) { return Unavailable("broken inside"); });
  EchoServer working;
  EchoClient client({pretender.address(), working.address()});
  ASSERT_TRUE(Eventually([&] { return client.AllUp(2); }));
  EXPECT_TRUE(Eventually([&] {
    EXPECT_THAT(client.Ask(kStore, "x"), IsOk());
    return ValueOf(client.Scrape(), StateOf("echo-0")) == 3;
  }));
}

// Two instances and no budget for a second try.
class RefusedRetryTest : public testing::Test {
 protected:
  RefusedRetryTest()
      : client_(
            {first_.address(), second_.address()},
            {.timeout = 20s, .try_timeout = 20ms, .retry_share = 0, .retry_min_per_second = 0}) {
    EXPECT_TRUE(Eventually([&] { return client_.AllUp(2); }));
  }
  double Refused() {
    return ValueOf(client_.Scrape(),
                   "holdfast_rpc_client_retries_refused_total{reason=\"budget\",service=\"echo\"}");
  }
  double Retries() {
    return ValueOf(client_.Scrape(), "holdfast_rpc_client_retries_total{service=\"echo\"}");
  }

  Gate gate_;
  EchoServer first_{gate_.Reply()};
  EchoServer second_{gate_.Reply()};
  EchoClient client_;
};

TEST_F(RefusedRetryTest, ACallThatWasOnlySlowIsNone) {
  std::thread slow([&] { EXPECT_THAT(client_.Ask(kStore, "wait"), IsOk()); });
  ASSERT_TRUE(Eventually([&] { return gate_.waiting == 1; }));
  const Deadline long_overdue = Deadline::After(100ms);
  ASSERT_TRUE(Eventually([&] { return long_overdue.Passed(); }));
  gate_.open.Notify();
  slow.join();
  EXPECT_EQ(Refused(), -1);
}

TEST_F(RefusedRetryTest, ACallThatFailedForItIsOne) {
  ASSERT_THAT(client_.faults().Add({.neighbour = "echo", .percent = 100, .lasts = 1min}), IsOk());
  EXPECT_FALSE(client_.Ask(kStore, "x").ok());
  EXPECT_EQ(Refused(), 1);
  EXPECT_EQ(Retries(), 0);
}

// The budget was too small while there was time, and then the time was over.
TEST_F(RefusedRetryTest, WhatWasRefusedFirstIsTheReason) {
  v1::Text text;
  text.set_text("wait");
  EXPECT_FALSE(
      client_.channel().Invoke<v1::Text>(client_.NewCall(), kStore, text, {.timeout = 200ms}).ok());
  EXPECT_EQ(Refused(), 1);
  gate_.open.Notify();
}

}  // namespace
}  // namespace holdfast::rpc
