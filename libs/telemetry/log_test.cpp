#include "libs/telemetry/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/telemetry/trace.h"

namespace holdfast::telemetry {
namespace {

using ::testing::ContainsRegex;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class LogTest : public ::testing::Test {
 protected:
  ~LogTest() override { InitLogging({}); }

  std::string Logged(Level level, std::string_view message,
                     std::initializer_list<LogField> fields = {}) {
    ::testing::internal::CaptureStderr();
    Log(level, message, fields);
    return ::testing::internal::GetCapturedStderr();
  }
};

TEST_F(LogTest, ALineHoldsTimeLevelMessageAndFields) {
  const std::string line =
      Logged(Info, "breaker opened",
             {{"neighbour", "epg"}, {"failures", 5}, {"ratio", 0.5}, {"last", true}});
  EXPECT_THAT(line,
              ContainsRegex("^time=[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z level=info "));
  EXPECT_THAT(line,
              EndsWith("msg=\"breaker opened\" neighbour=epg failures=5 ratio=0.5 last=true\n"));
}

TEST_F(LogTest, ServiceAndInstanceAreNamedOnceTheyAreKnown) {
  EXPECT_THAT(Logged(Info, "x"), Not(HasSubstr("service=")));
  InitLogging({.service = "middleware", .instance = "middleware-a"});
  EXPECT_THAT(Logged(Warning, "x"),
              HasSubstr("level=warning service=middleware instance=middleware-a msg=x"));
}

TEST_F(LogTest, LinesBelowTheMinimumAreNotWritten) {
  InitLogging({.minimum = Level::kWarning});
  EXPECT_THAT(Logged(Info, "x"), IsEmpty());
  EXPECT_THAT(Logged(Error, "x"), HasSubstr("level=error"));
}

TEST_F(LogTest, AValueCannotBreakTheLineOrForgeAField) {
  EXPECT_THAT(Logged(Info, "x", {{"a", ""}, {"b", "1=2"}, {"c", "say \"hi\"\\"}}),
              EndsWith("a=\"\" b=\"1=2\" c=\"say \\\"hi\\\"\\\\\"\n"));
  EXPECT_THAT(Logged(Info, "x", {{"a", std::string("1\n2\r3\t4\0\x1b[5m", 12)}}),
              EndsWith("a=\"1\\n2\\r3\\t4\\x00\\x1b[5m\"\n"));
  EXPECT_THAT(Logged(Info, "{} %v\nlevel=error"), EndsWith("msg=\"{} %v\\nlevel=error\"\n"));
}

TEST_F(LogTest, TheTraceOfTheRequestIsOnItsLines) {
  const auto trace = TraceContext::Parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  const ScopedTrace scope(*trace);
  EXPECT_THAT(Logged(Info, "x"), EndsWith("msg=x trace=4bf92f3577b34da6a3ce929d0e0e4736\n"));
}

TEST_F(LogTest, ALineThatAFailureWouldRepeatIsLoggedOnceASecond) {
  EXPECT_TRUE(ShouldLog("epg away"));
  EXPECT_FALSE(ShouldLog("epg away"));
  EXPECT_TRUE(ShouldLog("billing away"));
}

}  // namespace
}  // namespace holdfast::telemetry
