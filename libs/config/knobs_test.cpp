#include "libs/config/knobs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <random>

#include "libs/testing/status_matchers.h"

namespace holdfast::config {
namespace {

using namespace std::chrono_literals;
using test::HasCode;
using test::HasMessage;
using test::IsOk;
using ::testing::HasSubstr;
using ::testing::Not;

struct DatabaseConfig {
  std::string host = "localhost";
  std::string password;

  void Describe(Knobs& k) {
    k.Text("host", host, "Where the database is.");
    k.Secret("password", password, "Its password.");
  }
};

struct Config {
  std::uint16_t grpc_port = 50051;
  std::int64_t workers = 8;
  double ratio = 0.5;
  bool verbose = false;
  std::string level = "info";
  std::chrono::milliseconds interval = 60s;
  std::chrono::milliseconds patience = 3s;
  DatabaseConfig postgres;

  void Describe(Knobs& k) {
    k.Port("grpc_port", grpc_port, "Where others reach us.");
    k.Int("workers", workers, {.min = 1, .max = 64}, "Threads that may block.");
    k.Real("ratio", ratio, {.min = 0, .max = 1}, "A share.");
    k.Bool("verbose", verbose, "Say more.");
    k.Choice("level", level, {"debug", "info"}, "What is logged.");
    k.Duration("interval", interval, {.min = 1s, .max = 1h}, "Pause between two sweeps.");
    k.Duration("patience", patience, {}, "How long to wait.");
    k.Group("postgres", postgres);
  }
};

class KnobsTest : public ::testing::Test {
 protected:
  KnobsTest() { config_.Describe(knobs_); }

  absl::Status Parse(const std::vector<std::string>& arguments,
                     const std::vector<std::string>& environment = {}) {
    return knobs_.Parse(arguments, environment);
  }

  std::string SecretFile(const std::string& content) {
    const std::string path = ::testing::TempDir() + "/knobs_secret_" + std::to_string(getpid());
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

  Config config_;
  Knobs knobs_{"cdn_routing"};
};

TEST_F(KnobsTest, WithoutArgumentsDefaultsStay) {
  EXPECT_THAT(Parse({}), IsOk());
  EXPECT_EQ(config_.grpc_port, 50051);
  EXPECT_EQ(config_.interval, 60s);
}

TEST_F(KnobsTest, FlagsComeWithEqualsSignOrAsNextArgument) {
  EXPECT_THAT(Parse({"--grpc_port=1", "--workers", "9", "--interval", "5m", "--level=debug"}),
              IsOk());
  EXPECT_EQ(config_.grpc_port, 1);
  EXPECT_EQ(config_.workers, 9);
  EXPECT_EQ(config_.interval, 300s);
  EXPECT_EQ(config_.level, "debug");
}

TEST_F(KnobsTest, AnEqualsSignMayBePartOfTheValue) {
  EXPECT_THAT(Parse({"--postgres_host=a=b"}), IsOk());
  EXPECT_EQ(config_.postgres.host, "a=b");
}

TEST_F(KnobsTest, ASwitchAloneMeansTrue) {
  EXPECT_THAT(Parse({"--verbose", "--workers=2"}), IsOk());
  EXPECT_TRUE(config_.verbose);
  EXPECT_THAT(Parse({"--verbose=false"}), IsOk());
  EXPECT_FALSE(config_.verbose);
  EXPECT_THAT(Parse({"--verbose=yes"}), HasMessage("neither true nor false"));
}

TEST_F(KnobsTest, AFlagBeatsTheVariableAndTheVariableBeatsTheDefault) {
  EXPECT_THAT(Parse({"--workers=3"},
                    {"HOLDFAST_CDN_ROUTING_WORKERS=5", "HOLDFAST_CDN_ROUTING_POSTGRES_HOST=db"}),
              IsOk());
  EXPECT_EQ(config_.workers, 3);
  EXPECT_EQ(config_.postgres.host, "db");
}

TEST_F(KnobsTest, AnUnknownFlagIsRefusedWithTheClosestName) {
  EXPECT_THAT(Parse({"--worker=3"}), HasMessage("unknown flag --worker (did you mean --workers?)"));
  EXPECT_THAT(Parse({"--grpc-port=3"}), HasMessage("did you mean --grpc_port?"));
  const absl::Status status = Parse({"--zzzzzzzzzz=3"});
  EXPECT_THAT(status, HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ToString(status), Not(HasSubstr("did you mean")));
}

TEST_F(KnobsTest, AnUnknownVariableOfThisProgramIsRefusedWithTheClosestName) {
  EXPECT_THAT(Parse({}, {"HOLDFAST_CDN_ROUTING_WORKRS=3"}),
              HasMessage("unknown variable HOLDFAST_CDN_ROUTING_WORKRS (did you mean "
                         "HOLDFAST_CDN_ROUTING_WORKERS?)"));
}

TEST_F(KnobsTest, VariablesOfOthersAreNotOurs) {
  EXPECT_THAT(Parse({}, {"HOLDFAST_BILLING_WORKRS=3", "PATH=/bin", "HOLDFAST_X=1", "broken"}),
              IsOk());
}

TEST_F(KnobsTest, BoundsAreNamedInTheRefusal) {
  EXPECT_THAT(Parse({"--workers=65"}),
              HasMessage("--workers: '65' is out of bounds: integer 1..64"));
  EXPECT_THAT(Parse({"--interval=1ms"}), HasMessage("out of bounds: duration 1s..1h"));
  EXPECT_THAT(Parse({}, {"HOLDFAST_CDN_ROUTING_RATIO=1.1"}),
              HasMessage("HOLDFAST_CDN_ROUTING_RATIO: '1.1' is out of bounds: number 0..1"));
}

TEST_F(KnobsTest, WrongFormsAreRefused) {
  for (const char* flag : {"--grpc_port=65536",
                           "--grpc_port=-1",
                           "--grpc_port=",
                           "--grpc_port=1x",
                           "--workers=1.5",
                           "--workers=99999999999999999999",
                           "--workers= 1",
                           "--ratio=nan",
                           "--ratio=inf",
                           "--ratio=0,5",
                           "--level=INFO",
                           "--interval=5",
                           "--interval=s",
                           "--interval=-5s",
                           "--interval=1h30m",
                           "--interval=99999999999999999d",
                           "--workers",
                           "workers=3",
                           "--",
                           ""}) {
    EXPECT_THAT(Parse({flag}), HasCode(absl::StatusCode::kInvalidArgument)) << flag;
  }
  EXPECT_EQ(config_.workers, 8);
}

TEST_F(KnobsTest, ASecretIsReadFromItsFileAndNeverPrinted) {
  const std::string path = SecretFile("hunter2 \n");
  EXPECT_THAT(Parse({"--postgres_password_file=" + path}), IsOk());
  EXPECT_EQ(config_.postgres.password, "hunter2 ");
  EXPECT_THAT(knobs_.Dump(), HasSubstr("postgres_password_file = (set)"));
  for (const std::string& page : {knobs_.Dump(), knobs_.Help(), knobs_.Markdown()}) {
    EXPECT_THAT(page, Not(HasSubstr("hunter2")));
  }
}

TEST_F(KnobsTest, ASecretThatCannotBeReadStopsTheStart) {
  EXPECT_THAT(Parse({"--postgres_password_file=/nonexistent"}),
              HasMessage("--postgres_password_file: cannot read the secret file '/nonexistent'"));
  EXPECT_THAT(Parse({"--postgres_password_file=" + ::testing::TempDir()}),
              HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Parse({"--postgres_password_file=" + SecretFile("\n")}), HasMessage("is empty"));
  EXPECT_THAT(Parse({"--postgres_password_file=" + SecretFile(std::string(70000, 'x'))}),
              HasMessage("is larger"));
  EXPECT_THAT(Parse({"--postgres_password=hunter2"}), HasMessage("unknown flag"));
}

TEST_F(KnobsTest, HelpNamesFlagVariableFormAndDefault) {
  EXPECT_THAT(Parse({"--bogus", "--help"}), IsOk());
  EXPECT_TRUE(knobs_.help_wanted());
  EXPECT_THAT(knobs_.Help(), HasSubstr("--interval  (duration 1s..1h, default 1m)"));
  EXPECT_THAT(knobs_.Help(), HasSubstr("HOLDFAST_CDN_ROUTING_INTERVAL"));
}

TEST_F(KnobsTest, MarkdownIsATableWithDefaultsFromBeforeParsing) {
  EXPECT_THAT(Parse({"--workers=3"}), IsOk());
  EXPECT_THAT(knobs_.Markdown(),
              HasSubstr("| `--workers` | `HOLDFAST_CDN_ROUTING_WORKERS` | integer 1..64 | `8` | "
                        "Threads that may block. |\n"));
  EXPECT_THAT(knobs_.Markdown(), HasSubstr("one of debug\\|info"));
  EXPECT_THAT(knobs_.Dump(), HasSubstr("workers = 3\n"));
}

TEST(Durations, FormattingAndParsingAgree) {
  for (const char* text : {"0s", "250ms", "2s", "5m", "36h", "7d", "1500ms"}) {
    std::chrono::milliseconds value{};
    EXPECT_THAT(ParseDuration(text, value), IsOk()) << text;
    EXPECT_EQ(FormatDuration(value), text);
  }
  EXPECT_EQ(FormatDuration(90s), "90s");
  EXPECT_EQ(FormatDuration(120s), "2m");
}

TEST_F(KnobsTest, RandomArgumentsNeverDoMoreThanFail) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (int i = 0; i < 2000; ++i) {
    std::string argument = i % 3 == 0 ? "--interval=" : i % 3 == 1 ? "--" : "--workers=";
    for (unsigned n = random() % 12; n > 0; --n) {
      argument += "0123456789msdh-=.\xff\x01 "[random() % 21];
    }
    (void)Parse({argument});
    EXPECT_GE(config_.interval, 1s) << argument;
    EXPECT_LE(config_.workers, 64) << argument;
  }
}

}  // namespace
}  // namespace holdfast::config
