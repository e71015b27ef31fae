// The failure table of the design under the session of many boxes: they start, zap, send
// heartbeats, read lists and guide through both instances of middleware, while a neighbour or a
// store is killed, hangs or is slow. One session through all of it: the tokens that the boxes got
// before the first fault are those that they hold after the last one.
//
// OfSeveralAtOnce is short and part of ctest; OfEachAlone plays every row of the table and is for
// the command line (docs/failure-modes.md shows its table):
//
//   HOLDFAST_CHAOS_SECONDS=20 build/release/bin/boxes_test --gtest_filter=*OfEachAlone
//
// What a box sees is asserted; times are printed, and judged against the time without a fault when
// HOLDFAST_JUDGE_TIMES is set.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "libs/testing/eventually.h"
#include "libs/testing/status_matchers.h"
#include "tests/chaos/pacing.h"
#include "tests/e2e/box.h"
#include "tests/e2e/platform.h"
#include "tests/load/living_box.h"
#include "tests/load/load_run.h"
#include "tests/resilience/drill_load.h"

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;

constexpr int kBoxes = 200;
constexpr auto kPatience = 5s;  // what a viewer waits
constexpr auto kSpread = 5s;    // over which the boxes are switched on
constexpr auto kRecovery = 60s;
constexpr std::chrono::milliseconds kSlow = 150ms;  // each way, on top
constexpr double kMayBeSlower = 5;                  // p99 of zaps, against no fault at all
constexpr double kAlwaysGood = 50;                  // ms: nobody sees the difference

const Parts kNeighbours = {"billing", "epg", "cdn_routing", "drm", "analytics"};
const Parts kStores = {"postgres", "redis", "etcd"};

// All but drm, which middleware does not ask; players do, and not through a gate.
const Parts kBehindGates = {"billing",  "epg",   "cdn_routing", "analytics",
                            "postgres", "redis", "etcd"};

enum class Fault { kKilled, kHung, kSlow };
constexpr Fault kFaults[] = {Fault::kKilled, Fault::kHung, Fault::kSlow};

std::string_view NameOf(Fault fault) {
  constexpr std::string_view kNames[] = {"killed", "hung", "slow"};
  return kNames[static_cast<std::size_t>(fault)];
}

struct Row {
  std::string name;
  Parts parts;  // none: no fault
  Fault fault = Fault::kKilled;
};

std::vector<Row> Rows(const std::vector<std::pair<std::string, Parts>>& targets) {
  std::vector<Row> rows = {{.name = "nothing", .parts = {}}};
  for (const Fault fault : kFaults) {
    for (const auto& [name, parts] : targets) {
      rows.push_back({name + " " + std::string(NameOf(fault)), parts, fault});
    }
  }
  rows.push_back({.name = "nothing any more", .parts = {}});
  return rows;
}

double MachineLoad() {
  std::ifstream file("/proc/loadavg");
  double load = 0;
  file >> load;
  return load;
}

// How long a fault lasts in the short version.
std::chrono::seconds ShortOutage() {
  return std::getenv("HOLDFAST_CHAOS_SECONDS") == nullptr ? 3s : OutageLength();
}

class BoxesNoticeNothing : public testing::Test {
 protected:
  void Play(const std::vector<Row>& rows, std::chrono::seconds each) {
    ASSERT_TRUE(Eventually([&] { return platform_.Whole(); }, kRecovery))
        << platform_.WhatIsMissing();
    ASSERT_THAT(RegisterBoxes(platform_, kBoxes), IsOk());
    ASSERT_NO_FATAL_FAILURE(ReadChannels());
    EXPECT_EQ(platform_.UnusedGates(kBehindGates), "") << "slowness would slow nobody";
    load::BoxLog log(2 * rows.size() + 1);  // the start, then each row and its recovery
    Session session(*this, log);
    ASSERT_TRUE(Eventually([&] { return session.all_started(); }, kRecovery))
        << log.at(0).first_failure;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      log.Begin(2 * i + 1);
      ASSERT_THAT(Break(rows[i]), IsOk());
      std::this_thread::sleep_for(each);  // the length of the fault, not a wait for something
      ASSERT_THAT(Mend(rows[i]), IsOk());
      log.Begin(2 * i + 2);
      EXPECT_TRUE(Eventually([&] { return platform_.Whole(); }, kRecovery))
          << rows[i].name << ": " << platform_.WhatIsMissing();
    }
    session.End();
    Judge(rows, log);
  }

 private:
  // The boxes and the thread that plays them.
  class Session {
   public:
    Session(const BoxesNoticeNothing& test, load::BoxLog& log) : loop_(kPatience) {
      const std::uint64_t seed = SecureSeed();
      std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
      for (int i = 0; i < kBoxes; ++i) {
        boxes_.push_back(std::make_unique<load::LivingBox>(load::MacOf(i), test.channels_,
                                                           load::Rhythm{}, kSpread, seed + i, log));
        std::vector<std::uint16_t> ports = test.ports_;
        if (i % 2 == 1) std::swap(ports[0], ports[1]);
        loop_.Add(*boxes_.back(), std::move(ports));
      }
      thread_ = std::thread([this] {
        loop_.Play([this] {
          started_ = std::ranges::count_if(boxes_, [](const auto& b) { return b->has_started(); });
          return stop_.load();
        });
      });
    }
    ~Session() { End(); }
    void End() {
      stop_ = true;
      if (thread_.joinable()) thread_.join();
    }
    bool all_started() const { return started_ == kBoxes; }

   private:
    load::OpenLoop loop_;
    std::vector<std::unique_ptr<load::LivingBox>> boxes_;
    std::atomic<std::int64_t> started_ = 0;
    std::atomic<bool> stop_ = false;
    std::thread thread_;
  };

  void ReadChannels() {
    Box box(platform_.Endpoint("PORTAL_URL"), platform_.Endpoint("DEMO_MAC"));
    ASSERT_THAT(box.LogIn(), IsOk());
    ASSERT_OK_AND_ASSIGN(const std::vector<BoxChannel> channels, box.ListChannels());
    for (const BoxChannel& channel : channels) channels_.push_back(channel.command);
    for (const char* zone : {"A", "B"}) {
      const std::string& url =
          platform_.Endpoint(std::string("HOLDFAST_MIDDLEWARE_") + zone + "_HTTP");
      ports_.push_back(static_cast<std::uint16_t>(std::atoi(url.c_str() + url.rfind(':') + 1)));
    }
  }

  absl::Status Break(const Row& row) {
    if (row.parts.empty()) return absl::OkStatus();
    if (row.fault == Fault::kKilled) return platform_.Kill(row.parts);
    if (row.fault == Fault::kHung) return platform_.Hang(row.parts);
    platform_.Slow(row.parts, kSlow);
    return absl::OkStatus();
  }

  absl::Status Mend(const Row& row) {
    if (row.parts.empty()) return absl::OkStatus();
    if (row.fault == Fault::kKilled) return platform_.Restart(row.parts);
    if (row.fault == Fault::kHung) return platform_.Resume(row.parts);
    platform_.Slow(row.parts, 0ms);
    return absl::OkStatus();
  }

  // A fault and its recovery are one row of the table.
  static load::BoxCounts Sum(load::BoxCounts sum, const load::BoxCounts& more) {
    for (std::size_t i = 0; i < load::kDeeds; ++i) {
      sum.done[i] += more.done[i];
      sum.failed[i] += more.failed[i];
    }
    sum.degraded += more.degraded;
    sum.sessions_lost += more.sessions_lost;
    sum.zap_ms.insert(sum.zap_ms.end(), more.zap_ms.begin(), more.zap_ms.end());
    if (sum.first_failure.empty()) sum.first_failure = more.first_failure;
    return sum;
  }

  void Judge(const std::vector<Row>& rows, load::BoxLog& log) {
    std::printf(
        "\n%d boxes, load of the machine %.1f; failed of done\n\n"
        "| fault | zaps | heartbeats | lists | guides | starts | sessions lost "
        "| degraded answers | zap p50 ms | zap p99 ms |\n"
        "|---|---|---|---|---|---|---|---|---|---|\n",
        kBoxes, MachineLoad());
    double usual_p99 = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      load::BoxCounts counts = Sum(log.at(2 * i + 1), log.at(2 * i + 2));
      const double p50 = load::Percentile(counts.zap_ms, 50);
      const double p99 = load::Percentile(counts.zap_ms, 99);
      if (i == 0) usual_p99 = p99;
      std::printf("| %s |", rows[i].name.c_str());
      for (std::size_t d = 0; d < load::kDeeds; ++d) {
        std::printf(" %zu of %zu |", counts.failed[d], counts.done[d]);
      }
      std::printf(" %zu | %zu | %.1f | %.1f |\n", counts.sessions_lost, counts.degraded, p50, p99);
      EXPECT_EQ(counts.failures(), 0u) << rows[i].name << ": " << counts.first_failure;
      EXPECT_GT(counts.done[0], 0u) << rows[i].name;
      if (std::getenv("HOLDFAST_JUDGE_TIMES") != nullptr) {
        EXPECT_LE(p99, std::max(kMayBeSlower * usual_p99, kAlwaysGood)) << rows[i].name;
      }
    }
    EXPECT_EQ(log.at(2 * rows.size() - 1).degraded, 0u) << "still degraded when all is mended";
    EXPECT_EQ(log.at(0).failures(), 0u) << log.at(0).first_failure;
  }

  Platform& platform_ = Platform::SharedWithGates();
  std::vector<std::string> channels_;
  std::vector<std::uint16_t> ports_;
};

TEST_F(BoxesNoticeNothing, OfSeveralAtOnce) {
  Play(Rows({{"all neighbours", kNeighbours}, {"all stores", kStores}}), ShortOutage());
}

TEST_F(BoxesNoticeNothing, OfEachAlone) {
  std::vector<std::pair<std::string, Parts>> targets;
  for (const Parts& parts : {kNeighbours, kStores}) {
    for (const std::string& part : parts) targets.emplace_back(part, Parts{part});
  }
  Play(Rows(targets), OutageLength());
}

}  // namespace
}  // namespace holdfast::test
