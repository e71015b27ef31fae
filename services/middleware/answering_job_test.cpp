// What waits for a worker is not begun for a client that nobody is behind any more.
#include "services/middleware/answering_job.h"

#include <gmock/gmock.h>

#include <chrono>
#include <memory>
#include <optional>

#include "libs/testing/fake_clock.h"
#include "services/middleware/portal_fixture_test.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;

class Asker final : public http::Request {
 public:
  std::string_view method() const override { return "GET"; }
  std::string_view target() const override { return "/"; }
  std::string_view path() const override { return "/"; }
  std::string_view query() const override { return ""; }
  std::string_view Header(std::string_view) const override { return ""; }
  std::string_view body() const override { return ""; }
  std::string_view remote_address() const override { return "192.0.2.1"; }
  const std::vector<std::string>& captures() const override { return captures_; }
  Deadline deadline() const override { return until; }
  bool gone() const override { return has_left; }

  Deadline until = Deadline::Never();
  bool has_left = false;

 private:
  const std::vector<std::string> captures_;
};

class Sink final : public http::Reply::Target {
 public:
  explicit Sink(std::optional<int>& status) : status_(status) {}
  void Send(http::Response response) override { status_ = response.status; }

 private:
  std::optional<int>& status_;
};

class AnsweringJobTest : public testing::Test {
 protected:
  holdfast::Job Submit() {
    AnsweringJob what;
    what.work = [this]() -> AnsweringJob::Answered {
      ++worked_;
      return {http::Response::Text(200, ""), holdfast::Job::Timing::kTypical};
    };
    what.refuse = [] { return http::Response::Text(503, ""); };
    what.caller = "box";
    what.kind = 7;
    what.criticality = Criticality::kCritical;
    return JobFor(asker_, http::Reply(std::make_shared<Sink>(status_)), std::move(what), clock_);
  }
  test::FakeClock clock_{FromEpochSeconds(1767348000)};
  Asker asker_;
  std::optional<int> status_;
  int worked_ = 0;
};

TEST_F(AnsweringJobTest, WhoWaitsIsAnswered) {
  asker_.until = Deadline::After(10s, clock_);
  holdfast::Job job = Submit();
  EXPECT_EQ(job.deadline.at(), asker_.until.at());
  EXPECT_EQ(job.criticality, Criticality::kCritical);
  EXPECT_EQ(job.caller, "box");
  EXPECT_EQ(job.kind, 7u);
  EXPECT_FALSE(job.must_run);
  clock_.Advance(5s);
  EXPECT_EQ(job.run(), holdfast::Job::Timing::kTypical);
  EXPECT_EQ(worked_, 1);
  EXPECT_EQ(status_, 200);
}

TEST_F(AnsweringJobTest, ForAClientThatLeftNothingIsBegun) {
  holdfast::Job job = Submit();
  asker_.has_left = true;
  clock_.Advance(101ms);
  EXPECT_EQ(job.run(), holdfast::Job::Timing::kUntypical);
  EXPECT_EQ(worked_, 0);
  EXPECT_EQ(status_, 499);
}

TEST_F(AnsweringJobTest, AClientThatHasJustAskedIsNotAskedWhetherItIsThere) {
  holdfast::Job job = Submit();
  asker_.has_left = true;
  job.run();
  EXPECT_EQ(worked_, 1);
}

TEST_F(AnsweringJobTest, WhatIsRefusedIsAnsweredOnce) {
  holdfast::Job job = Submit();
  job.refuse(Refusal::kLate);
  EXPECT_EQ(worked_, 0);
  EXPECT_EQ(status_, 503);
}

// Past its deadline a box gets the thin answer and nothing is written.
TEST(LateBoxTest, WhatNobodyWaitsForIsNotDone) {
  PortalFixture box;
  box.HaveEverything();
  box.LogIn();
  BoxRequest late{.query = "type=itv&action=set_fav&fav_ch=1",
                  .authorization = "Bearer " + box.token,
                  .deadline = Deadline::After(0s)};
  EXPECT_EQ(box.Send(late).Js(), false);
  EXPECT_EQ(box.Call("itv", "get_fav_ids").Js(), Json::array());
  late.deadline = Deadline::Never();
  EXPECT_EQ(box.Send(late).Js(), true);
  EXPECT_EQ(box.Call("itv", "get_fav_ids").Js(), Json({"1"}));
}

// Lists are copied together by the I/O thread instead: they never fail.
TEST(LateBoxTest, AListIsWholeAllTheSame) {
  PortalFixture box;
  box.HaveEverything();
  box.LogIn();
  const BoxRequest late{.query = "type=itv&action=get_all_channels",
                        .authorization = "Bearer " + box.token,
                        .deadline = Deadline::After(0s)};
  EXPECT_EQ(box.Send(late).Js()["total_items"], 2);
}

}  // namespace
}  // namespace holdfast::middleware
