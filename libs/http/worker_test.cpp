// Requests that wait for a worker: whether they are begun, and what they say about load.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "libs/admission/pool_metrics.h"
#include "libs/http/raw_client_test.h"
#include "libs/http/server.h"
#include "libs/testing/eventually.h"
#include "libs/testing/status_matchers.h"

namespace holdfast::http {
namespace {

using namespace std::chrono_literals;
using test::Eventually;
using test::IsOk;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

// First come, first served; remembers how the last job was judged.
class JudgingQueue final : public JobQueue {
 public:
  explicit JudgingQueue(std::atomic<int>& typical, std::atomic<int>& untypical)
      : typical_(typical), untypical_(untypical) {}

  void Push(Job job, SteadyTime now, std::vector<RefusedJob>& refused) override {
    jobs_.Push(std::move(job), now, refused);
  }
  // As the product's own queue, it does not hand out what is past its deadline.
  std::optional<Job> Pop(SteadyTime now, std::vector<RefusedJob>& refused) override {
    std::optional<Job> job = jobs_.Pop(now, refused);
    if (!job || now < job->deadline.at()) return job;
    refused.push_back({*std::move(job), Refusal::kLate});
    return std::nullopt;
  }
  void Finished(const Job&, Job::Timing timing, Duration, SteadyTime) override {
    ++(timing == Job::Timing::kTypical ? typical_ : untypical_);
  }
  void Expire(SteadyTime, std::vector<RefusedJob>&) override {}
  bool has_next() const override { return jobs_.has_next(); }
  std::size_t waiting() const override { return jobs_.waiting(); }
  std::size_t limit() const override { return 1; }
  SteadyTime next_expiry() const override { return SteadyTime::max(); }

 private:
  FirstComeQueue jobs_{1, 100};
  std::atomic<int>& typical_;
  std::atomic<int>& untypical_;
};

class WorkerTest : public testing::Test {
 protected:
  void Serve(const ServerOptions& options = {}) {
    Router router;
    router.Get("/hold", Worker(pool_, [this](const Request&) {
                 ++holding_;
                 release_.WaitForNotification();
                 return Response::Text(200, "held");
               }));
    router.Get("/work", Worker(pool_, [this](const Request&) {
                 ++worked_;
                 return Response::Text(200, "done");
               }));
    router.Get("/status/{code}", Worker(pool_, [](const Request& request) {
                 return Response::Text(std::stoi(request.captures()[0]), "");
               }));
    server_ = std::make_unique<Server>(options, std::move(router), metrics_);
    ASSERT_THAT(server_->Start(), IsOk());
  }
  ~WorkerTest() override {
    if (!release_.HasBeenNotified()) release_.Notify();
    if (server_) server_->Drain(Deadline::After(10s));
  }

  static void Get(RawClient& client, std::string_view path) {
    client.Send("GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  std::string Exchange(std::string_view path) {
    RawClient client(server_->port());
    Get(client, path);
    return client.ReadAnswer();
  }
  // The only worker is busy until Release.
  void Hold() {
    holder_ = std::make_unique<RawClient>(server_->port());
    Get(*holder_, "/hold");
    ASSERT_TRUE(Eventually([&] { return holding_ == 1; }));
  }
  // After more time than a client that has just sent its request is given.
  void ReleaseLater() {
    const Deadline later = Deadline::After(200ms);
    ASSERT_TRUE(Eventually([&] { return later.Passed(); }));
    release_.Notify();
    EXPECT_THAT(holder_->ReadAnswer(), EndsWith("held"));
  }
  void AwaitWaiting(std::size_t jobs) {
    ASSERT_TRUE(Eventually([&] { return pool_.waiting() == jobs; }));
  }

  telemetry::Metrics metrics_;
  std::atomic<int> typical_ = 0, untypical_ = 0;
  std::atomic<int> holding_ = 0, worked_ = 0;
  absl::Notification release_;
  admission::PoolMetrics pool_metrics_{"http", metrics_};
  WorkerPool pool_{{.name = "work", .threads = 1},
                   std::make_unique<JudgingQueue>(typical_, untypical_),
                   &pool_metrics_};
  std::unique_ptr<RawClient> holder_;
  std::unique_ptr<Server> server_;
};

TEST_F(WorkerTest, WhatWaitedForAClientThatHasLeftIsNotBegun) {
  Serve();
  Hold();
  {
    RawClient leaving(server_->port());
    Get(leaving, "/work");
    AwaitWaiting(1);
  }
  RawClient staying(server_->port());
  Get(staying, "/work");
  AwaitWaiting(2);
  ReleaseLater();
  EXPECT_THAT(staying.ReadAnswer(), EndsWith("done"));
  EXPECT_EQ(worked_, 1);
  EXPECT_TRUE(Eventually([&] {
    return metrics_.Scrape().find(
               "holdfast_admission_shed_total{criticality=\"interactive\","
               "reason=\"gone\",server=\"public\"} 1") != std::string::npos;
  }));
}

TEST_F(WorkerTest, WhatWaitedLongerThanAClientWaitsIsNotBegun) {
  ServerOptions options;
  options.client_patience = 100ms;
  Serve(options);
  Hold();
  RawClient late(server_->port());
  Get(late, "/work");
  AwaitWaiting(1);
  ReleaseLater();
  EXPECT_THAT(late.ReadAnswer(), StartsWith("HTTP/1.1 503"));
  EXPECT_EQ(worked_, 0);
  EXPECT_THAT(metrics_.Scrape(), HasSubstr("holdfast_admission_shed_total{criticality="
                                           "\"interactive\",reason=\"late\",server=\"http\"} 1"));
}

TEST_F(WorkerTest, AnErrorSaysNothingOfTheLoad) {
  Serve();
  for (const char* code : {"200", "204", "302", "504"}) {
    Exchange(std::string("/status/") + code);
  }
  EXPECT_TRUE(Eventually([&] { return typical_ == 4; })) << "one ran out of time: that tells";
  EXPECT_EQ(untypical_, 0);
  for (const char* code : {"400", "404", "409", "503"}) {
    Exchange(std::string("/status/") + code);
  }
  EXPECT_TRUE(Eventually([&] { return untypical_ == 4; }));
  EXPECT_EQ(typical_, 4);
}

}  // namespace
}  // namespace holdfast::http
