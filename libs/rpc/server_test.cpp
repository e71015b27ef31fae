#include "libs/rpc/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/rpc/testing/echo.h"
#include "libs/testing/eventually.h"
#include "libs/testing/status_matchers.h"

namespace holdfast::rpc {
namespace {

using namespace std::chrono_literals;
using test::Eventually;
using test::HasCode;
using test::HasMessage;
using test::IsOk;

TEST(ServerTest, AnswersInlineAndWorkerMethods) {
  EchoServer server;
  EchoClient client({server.address()});
  for (const char* method : {kSay, kStore, kOrder}) {
    const auto answer = client.Ask(method, "hello");
    ASSERT_THAT(answer, IsOk());
    EXPECT_EQ(*answer, "hello");
  }
}

TEST(ServerTest, PassesStatusesThrough) {
  for (int code = 1; code <= 16; ++code) {
    const auto expected = static_cast<absl::StatusCode>(code);
    EchoServer server([&](const Call&, const v1::Text&) {
      return absl::Status(expected, "because of \xC3\xA4 reason");
    });
    EchoClient client({server.address()});
    const auto answer = client.Ask(kOrder, "x");
    EXPECT_THAT(answer, HasCode(expected));
    EXPECT_THAT(answer, HasMessage("because of \xC3\xA4 reason"));
  }
}

TEST(ServerTest, StreamsEverythingInOrderToTheEnd) {
  EchoServer server;
  EchoClient client({server.address()});
  const auto reader = client.CountTo(5000, 100);
  v1::Number number;
  std::int64_t expected = 1;
  while (reader->Read(number, Deadline::After(5s))) ASSERT_EQ(number.value(), expected++);
  EXPECT_EQ(expected, 5001);
  EXPECT_THAT(reader->status(), IsOk());
}

}  // namespace
}  // namespace holdfast::rpc
