// What an operator sees and changes on the admin port about the calls to neighbours.

#include "libs/app/neighbour_pages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/app/in_process.h"
#include "libs/http/client.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/temp_dir.h"

namespace holdfast::app {
namespace {

using namespace std::chrono_literals;
using test::IsOk;
using test::TempDir;
using ::testing::HasSubstr;
using ::testing::Not;

// A program with the neighbour "billing", which nobody runs.
class NeighbourPagesTest : public testing::Test {
 protected:
  void Start(bool fault_injection) {
    process_ =
        std::make_unique<InProcess>(InProcessOptions{.service = "tester",
                                                     .data_dir = dir_.File("data"),
                                                     .discovery = "static:billing=127.0.0.1:1@a",
                                                     .fault_injection = fault_injection},
                                    [](Runtime& runtime) {
                                      const rpc::Channel billing = runtime.Connect("billing", {});
                                      return runtime.RunUntilStopped();
                                    });
    ASSERT_TRUE(process_->serving());
  }
  http::ClientResponse Ask(const std::string& method, const std::string& path,
                           const std::string& body = "") {
    auto response = http::Fetch(
        {.method = method, .url = process_->admin_url() + path, .headers = {}, .body = body},
        Deadline::After(5s));
    EXPECT_THAT(response, IsOk());
    return response.ok() ? *response : http::ClientResponse{};
  }

  TempDir dir_;
  std::unique_ptr<InProcess> process_;
};

TEST_F(NeighbourPagesTest, KnobsCanBeSeenAndChangedWhileRunning) {
  Start(/*fault_injection=*/false);
  EXPECT_THAT(Ask("GET", "/neighbours/billing/knobs").body, HasSubstr("try_timeout = 150ms"));
  const auto changed =
      Ask("POST", "/neighbours/billing/knobs", "try_timeout=80ms&max_in_flight=64");
  EXPECT_EQ(changed.status, 200);
  EXPECT_THAT(changed.body, HasSubstr("try_timeout = 80ms"));
  EXPECT_THAT(Ask("GET", "/neighbours/billing/knobs").body, HasSubstr("max_in_flight = 64"));
}

TEST_F(NeighbourPagesTest, ABadKnobIsNamedAndTheOldOnesAreKept) {
  Start(/*fault_injection=*/false);
  for (const std::string bad : {"max_in_flight=0", "no_such_knob=1", "slow_ratio=much"}) {
    const auto refused = Ask("POST", "/neighbours/billing/knobs", "try_timeout=80ms\n" + bad);
    EXPECT_EQ(refused.status, 400);
    EXPECT_THAT(refused.body, HasSubstr(bad.substr(0, bad.find('='))));
  }
  EXPECT_THAT(Ask("GET", "/neighbours/billing/knobs").body, HasSubstr("try_timeout = 150ms"));
  EXPECT_EQ(Ask("POST", "/neighbours/billing/knobs", "").status, 400);
  EXPECT_EQ(Ask("POST", "/neighbours/nobody/knobs", "timeout=1s").status, 404);
}

TEST_F(NeighbourPagesTest, ShowsEveryPeerAndWhy) {
  Start(/*fault_injection=*/false);
  const std::string page = Ask("GET", "/debug/neighbours").body;
  EXPECT_THAT(page, HasSubstr("billing: breaker closed, 1 instances"));
  EXPECT_THAT(page, HasSubstr("127.0.0.1:1"));
  EXPECT_THAT(page, HasSubstr("Faults: cannot be made here"));
}

TEST_F(NeighbourPagesTest, FaultsNeedTheirKnob) {
  Start(/*fault_injection=*/false);
  const auto refused = Ask("POST", "/faults", "neighbour=billing kind=hang percent=10 for=1m");
  EXPECT_EQ(refused.status, 403);
  EXPECT_THAT(refused.body, HasSubstr("fault_injection"));
}

TEST_F(NeighbourPagesTest, FaultsBeginAreLoudAndEnd) {
  Start(/*fault_injection=*/true);
  EXPECT_EQ(Ask("POST", "/faults", "neighbour=billing kind=hang percent=10").status, 400);
  EXPECT_EQ(Ask("POST", "/faults", "neighbour=billing kind=hang percent=10 for=1m").status, 200);
  EXPECT_THAT(Ask("GET", "/debug/neighbours").body, HasSubstr("!! FAULTS MADE ON PURPOSE"));
  EXPECT_THAT(Ask("GET", "/metrics").body, HasSubstr("holdfast_faults_active 1"));
  EXPECT_EQ(Ask("POST", "/faults/7/remove").status, 404);
  EXPECT_EQ(Ask("POST", "/faults/1/remove").status, 200);
  EXPECT_THAT(Ask("GET", "/faults").body, HasSubstr("none in effect"));
  EXPECT_EQ(Ask("POST", "/faults", "neighbour=billing percent=10 for=1m").status, 200);
  EXPECT_EQ(Ask("POST", "/faults/clear").status, 200);
  EXPECT_THAT(Ask("GET", "/debug/neighbours").body, Not(HasSubstr("!!")));
}

}  // namespace
}  // namespace holdfast::app
