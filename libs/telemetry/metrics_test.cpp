#include "libs/telemetry/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace holdfast::telemetry {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Metrics, ScrapeIsPrometheusText) {
  Metrics metrics;
  metrics.Counter("holdfast_x_zaps_total", "Zaps.").Add(2);
  metrics.Gauge("holdfast_x_age_seconds", "Age.").Set(1.5);
  EXPECT_THAT(metrics.Scrape(), HasSubstr("# HELP holdfast_x_zaps_total Zaps.\n"
                                          "# TYPE holdfast_x_zaps_total counter\n"
                                          "holdfast_x_zaps_total 2\n"));
  EXPECT_THAT(metrics.Scrape(), HasSubstr("# TYPE holdfast_x_age_seconds gauge\n"
                                          "holdfast_x_age_seconds 1.5\n"));
}

TEST(Metrics, AskingTwiceGivesTheSameMetric) {
  Metrics metrics;
  metrics.Counter("holdfast_x_total", "X.").Add();
  EXPECT_EQ(metrics.Counter("holdfast_x_total", "X.").value(), 1);
  const auto family = metrics.GaugeFamily("holdfast_y", "Y.", {"peer"});
  family.With({"epg"}).Set(7);
  EXPECT_EQ(metrics.GaugeFamily("holdfast_y", "Y.", {"peer"}).With({"epg"}).value(), 7);
}

TEST(Metrics, LabelsComeInTheirDeclaredOrder) {
  Metrics metrics;
  const auto calls = metrics.CounterFamily("holdfast_calls_total", "Calls.", {"method", "code"});
  calls.With({"Get", "OK"}).Add(3);
  calls.With({"Get", "a\"b\nc"}).Add();
  const std::string page = metrics.Scrape();
  EXPECT_THAT(page, HasSubstr("holdfast_calls_total{code=\"OK\",method=\"Get\"} 3\n"));
  EXPECT_THAT(page, HasSubstr("code=\"a\\\"b\\nc\""));
}

TEST(Metrics, WhatHasLeftIsNotShownAnyMoreAndMayReturn) {
  Metrics metrics;
  const auto family = metrics.GaugeFamily("holdfast_pods_state", "x", {"pod"});
  family.With({"a"}).Set(1);
  family.With({"b"}).Set(2);
  family.Remove({"a"});
  family.Remove({"never seen"});
  std::string page = metrics.Scrape();
  EXPECT_EQ(page.find("pod=\"a\""), page.npos);
  EXPECT_NE(page.find("holdfast_pods_state{pod=\"b\"} 2"), page.npos);
  family.With({"a"}).Add(3);
  page = metrics.Scrape();
  EXPECT_NE(page.find("holdfast_pods_state{pod=\"a\"} 3"), page.npos) << "it begins anew";
}

TEST(Metrics, HistogramsCountIntoCumulativeBuckets) {
  Metrics metrics;
  const auto histogram = metrics.Histogram("holdfast_x_seconds", "Latency.");
  histogram.Observe(0.0002);
  histogram.Observe(3);
  histogram.Observe(100);
  const std::string page = metrics.Scrape();
  EXPECT_THAT(page, HasSubstr("holdfast_x_seconds_bucket{le=\"0.0001\"} 0\n"));
  EXPECT_THAT(page, HasSubstr("holdfast_x_seconds_bucket{le=\"0.00025\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("holdfast_x_seconds_bucket{le=\"5\"} 2\n"));
  EXPECT_THAT(page, HasSubstr("holdfast_x_seconds_bucket{le=\"+Inf\"} 3\n"));
  EXPECT_THAT(page, HasSubstr("holdfast_x_seconds_count 3\n"));
}

TEST(Metrics, SomeValuesAreReadAtScrapeTime) {
  Metrics metrics;
  double depth = 1;
  metrics.GaugeFrom("holdfast_depth", "Depth.", [&] { return depth; });
  metrics.CounterFrom("holdfast_done_total", "Done.", [] { return 5.0; });
  depth = 2;
  EXPECT_THAT(metrics.Scrape(), HasSubstr("holdfast_depth 2\n"));
  EXPECT_THAT(metrics.Scrape(), HasSubstr("# TYPE holdfast_done_total counter\n"));
  metrics.GaugeFrom("holdfast_depth", "Depth.", [] { return 9.0; });
  EXPECT_THAT(metrics.Scrape(), HasSubstr("holdfast_depth 9\n"));
  EXPECT_THAT(metrics.Scrape(), Not(HasSubstr("holdfast_depth 2\n")));
}

TEST(Metrics, ManyThreadsMayCountAndScrapeTogether) {
  Metrics metrics;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        metrics.CounterFamily("holdfast_n_total", "N.", {"k"}).With({i % 2 ? "odd" : "even"}).Add();
        if (i % 100 == 0) metrics.Scrape();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(metrics.Scrape(), HasSubstr("holdfast_n_total{k=\"odd\"} 1000\n"));
}

TEST(MetricsDeathTest, AWrongDeclarationEndsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Metrics metrics;
  metrics.CounterFamily("holdfast_x_total", "X.", {"a"});
  EXPECT_DEATH(metrics.CounterFamily("holdfast_x_total", "X.", {"b"}), "labels");
  EXPECT_DEATH(metrics.Gauge("holdfast_x_total", "X."), "family");
  EXPECT_DEATH(metrics.Counter("holdfast x", "X."), "CheckMetricName");
  EXPECT_DEATH(metrics.CounterFamily("holdfast_x_total", "X.", {"a"}).With({"1", "2"}), "size");
}

}  // namespace
}  // namespace holdfast::telemetry
