#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "libs/app/app.h"
#include "libs/base/status.h"
#include "libs/testing/eventually.h"
#include "libs/testing/temp_dir.h"

namespace holdfast::app {
namespace {

using ::testing::ExitedWithCode;

struct Config {
  std::int64_t boxes = 3;
  void Describe(config::Knobs& k) { k.Int("boxes", boxes, {.min = 1, .max = 9}, "How many."); }
};

absl::Status Succeed(const Config&, Runtime&) { return absl::OkStatus(); }
absl::Status Fail(const Config&, Runtime&) { return Internal("broken"); }

// Nobody has to be told of SIGTERM any more.
bool Taken() {
  sigset_t waiting;
  sigpending(&waiting);
  return sigismember(&waiting, SIGTERM) == 0;
}

// Sends itself signals as soon as it runs.
template <int kSignals>
absl::Status RunAndBeStopped(const Config&, Runtime& runtime) {
  runtime.ReportDependency("signal sender", [left = kSignals](Deadline) mutable {
    for (; left > 0; --left) {
      kill(getpid(), SIGTERM);
      test::Eventually(Taken);  // two equal signals that wait together are one
    }
    return absl::OkStatus();
  });
  return runtime.RunUntilStopped();
}

class MainTest : public ::testing::Test {
 protected:
  MainTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }

  template <class Run>
  [[noreturn]] void RunMain(std::vector<std::string> arguments, Run run) {
    arguments.insert(arguments.begin(), "holdfast-tester");
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    const int code = Main<Config>(static_cast<int>(argv.size()), argv.data(), "tester", run);
    std::fflush(nullptr);
    _exit(code);
  }

  test::TempDir dir_;
  const std::string data_dir_ = "--data_dir=" + dir_.path() + "/data";
};

TEST_F(MainTest, AnUnusableKnobExitsWithTwoAndSaysWhy) {
  EXPECT_EXIT(RunMain({"--boxs=1"}, Succeed), ExitedWithCode(2), "did you mean --boxes");
  EXPECT_EXIT(RunMain({data_dir_, "--boxes=10"}, Succeed), ExitedWithCode(2), "out of bounds");
  EXPECT_EXIT(RunMain({}, Succeed), ExitedWithCode(2), "data_dir is not set");
  EXPECT_EXIT(RunMain({data_dir_, "--discovery=gossip:x"}, Succeed), ExitedWithCode(2), "gossip");
}

TEST_F(MainTest, HelpVersionAndMarkdownEndWellWithoutAnythingElseSet) {
  EXPECT_EXIT(RunMain({"--help"}, Fail), ExitedWithCode(0), "");
  EXPECT_EXIT(RunMain({"--version"}, Fail), ExitedWithCode(0), "");
  EXPECT_EXIT(RunMain({"--print-config-markdown"}, Fail), ExitedWithCode(0), "");
}

TEST_F(MainTest, TheErrorOfTheServiceExitsWithOne) {
  EXPECT_EXIT(RunMain({data_dir_}, Fail), ExitedWithCode(1), "INTERNAL: broken");
  EXPECT_EXIT(RunMain({data_dir_}, Succeed), ExitedWithCode(0), "");
}

TEST_F(MainTest, SigtermDrainsAndExitsWithZero) {
  EXPECT_EXIT(RunMain({data_dir_, "--drain_announce=10ms"}, RunAndBeStopped<1>), ExitedWithCode(0),
              "msg=stopped");
}

// It is under way when the program is told to stop, for it is the one that says so.
absl::Status RunJobThatHangs(const Config&, Runtime& runtime) {
  runtime.Repeat("hangs", std::chrono::milliseconds(1), [](Deadline) -> absl::Status {
    kill(getpid(), SIGTERM);
    pause();
    return absl::OkStatus();
  });
  return runtime.RunUntilStopped();
}

TEST_F(MainTest, AJobThatHangsDoesNotKeepAStoppedProgramAlive) {
  EXPECT_EXIT(RunMain({data_dir_, "--drain_announce=0s", "--drain_timeout=0s"}, RunJobThatHangs),
              ExitedWithCode(0), "ending without it");
}

TEST_F(MainTest, ASecondSigtermEndsTheProgramAtOnce) {
  EXPECT_EXIT(RunMain({data_dir_, "--drain_announce=1m"}, RunAndBeStopped<2>), ExitedWithCode(1),
              "without draining");
}

}  // namespace
}  // namespace holdfast::app
