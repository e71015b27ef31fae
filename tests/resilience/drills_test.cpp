// What an operator does, and what happens to him, with all six programs under load: a release, the
// loss of discovery, an instance more. No call and no request may fail.
//
// Times are printed. They are judged only with HOLDFAST_JUDGE_TIMES set (tests/resilience/run sets
// it): a test that runs beside others must not fail because they keep the machine busy.
#include <dirent.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <fstream>
#include <set>
#include <sstream>

#include "libs/base/deadline.h"
#include "libs/http/client.h"
#include "libs/testing/eventually.h"
#include "libs/testing/status_matchers.h"
#include "tests/e2e/box.h"
#include "tests/resilience/drill_load.h"

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;

constexpr const char* kServices[] = {"billing", "epg",       "cdn_routing",
                                     "drm",     "analytics", "middleware"};
constexpr auto kRecovery = 60s;
constexpr double kMayStartWithoutDiscovery = 2;  // seconds
constexpr double kMayJoin = 1;

bool TimesAreJudged() { return std::getenv("HOLDFAST_JUDGE_TIMES") != nullptr; }

double SecondsSinceBoot() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

// When a process began, in seconds since boot; 0 if there is none.
double BeginOf(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  std::istringstream fields(text.substr(std::min(text.rfind(')') + 1, text.size())));
  std::string skipped;
  for (int i = 0; i < 19; ++i) fields >> skipped;
  double ticks = 0;
  fields >> ticks;
  return ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

bool Answers(const std::string& url) {
  const auto answer = http::Fetch({.url = url}, Deadline::After(1s));
  return answer.ok() && answer->status == 200;
}

std::set<std::string> OwnSockets() {
  std::set<std::string> own;
  DIR* folder = opendir("/proc/self/fd");
  while (const dirent* entry = readdir(folder)) {
    char target[64] = {};
    const std::string link = std::string("/proc/self/fd/") + entry->d_name;
    if (readlink(link.c_str(), target, sizeof target - 1) > 0) own.insert(target);
  }
  closedir(folder);
  return own;
}

// This program's established connections to a port, by their sockets.
std::set<std::string> OwnConnectionsTo(const std::string& address) {
  constexpr const char* kEstablished = "01";
  const int port = std::atoi(address.c_str() + address.rfind(':') + 1);
  const std::set<std::string> own = OwnSockets();
  std::set<std::string> found;
  for (const char* name : {"/proc/self/net/tcp", "/proc/self/net/tcp6"}) {
    std::ifstream table(name);
    std::string line;
    std::getline(table, line);  // the columns' names
    while (std::getline(table, line)) {
      std::istringstream fields(line);
      std::string number, local, remote, state, queues, timer, retransmits, uid, timeout, inode;
      fields >> number >> local >> remote >> state >> queues >> timer >> retransmits >> uid >>
          timeout >> inode;
      const int remote_port = std::stoi(remote.substr(remote.find(':') + 1), nullptr, 16);
      const std::string socket = "socket:[" + inode + "]";
      if (state == kEstablished && remote_port == port && own.contains(socket)) {
        found.insert(socket);
      }
    }
  }
  return found;
}

class Drill : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(Eventually([&] { return platform_.Whole(); }, kRecovery))
        << platform_.WhatIsMissing();
    ASSERT_OK_AND_ASSIGN(load_, DrillLoad::Make(platform_));
    load_->Start();
  }

  // Ends the load: nothing of it may have failed.
  void NobodyNoticed() {
    load_->Stop();
    std::string failures;
    EXPECT_EQ(load_->Print(failures), 0u) << failures;
    for (const MethodReport& report : load_->calls()) EXPECT_GT(report.calls, 0);
    for (const HttpReport& report : load_->Http()) EXPECT_GT(report.requests, 0u) << report.name;
    EXPECT_TRUE(Eventually([&] { return platform_.Whole(); }, kRecovery))
        << platform_.WhatIsMissing();
  }

  std::string Admin(std::string service, const std::string& zone) const {
    for (char& c : service) c = static_cast<char>(toupper(c));
    return platform_.Endpoint("HOLDFAST_" + service + "_" + zone + "_ADMIN");
  }

  Platform& platform_ = Platform::Shared();
  std::unique_ptr<DrillLoad> load_;
};

TEST_F(Drill, ARollingRestartOfEveryServiceFailsNothing) {
  for (const char* zone : {"b", "a"}) {
    for (const std::string service : kServices) {
      ASSERT_THAT(platform_.Restart({service + "-" + zone}), IsOk());
    }
    // As a rollout does: the other half follows when the first is in use again.
    ASSERT_TRUE(Eventually([&] { return load_->grpc().AllUp(2); }, kRecovery))
        << load_->grpc().Describe();
  }
  NobodyNoticed();
}

TEST_F(Drill, WithoutDiscoveryEverybodyGoesOnAndWhoRestartsStartsFromItsSnapshot) {
  ASSERT_THAT(platform_.Kill({"etcd"}), IsOk());
  std::printf(
      "\n| restarted without discovery | ready after | sees its neighbours after |\n"
      "|---|---|---|\n");
  for (const std::string service : kServices) {
    const std::string name = service + "-b";
    const std::string admin = Admin(service, "B");
    const int before = platform_.Pid(name);
    absl::Status restarted;
    std::thread restart([&] { restarted = platform_.Restart({name}); });
    const auto is_new = [&] { return platform_.Pid(name) != before && platform_.Pid(name) != 0; };
    EXPECT_TRUE(Eventually([&] { return is_new() && Answers(admin + "/readyz"); }, kRecovery));
    const double ready = SecondsSinceBoot() - BeginOf(platform_.Pid(name));
    restart.join();
    ASSERT_THAT(restarted, IsOk());
    const bool calls_somebody = service == "middleware";
    const auto sees_neighbours = [&] {
      const auto page = http::Fetch({.url = admin + "/debug/neighbours"}, Deadline::After(1s));
      return page.ok() && page->body.find("billing-a") != std::string::npos &&
             page->body.find(" up ") != std::string::npos;
    };
    double sees = 0;
    if (calls_somebody) {
      EXPECT_TRUE(Eventually(sees_neighbours, kRecovery));
      sees = SecondsSinceBoot() - BeginOf(platform_.Pid(name));
    }
    std::printf("| %s | %.2f s | %s |\n", name.c_str(), ready,
                calls_somebody ? fmt::format("{:.2f} s", sees).c_str() : "calls nobody");
    if (TimesAreJudged()) {
      EXPECT_LE(ready, kMayStartWithoutDiscovery) << name;
    }
  }
  Box box(platform_.Endpoint("PORTAL_URL_B"), platform_.Endpoint("DEMO_MAC"));
  EXPECT_THAT(box.LogIn(), IsOk());
  ASSERT_OK_AND_ASSIGN(const std::vector<BoxChannel> channels, box.ListChannels());
  EXPECT_THAT(box.Zap(channels.front()), IsOk());
  ASSERT_THAT(platform_.Restart({"etcd"}), IsOk());
  NobodyNoticed();
}

TEST_F(Drill, AnInstanceMoreIsUsedAndNoConnectionIsClosedForIt) {
  const std::string a = platform_.Endpoint("HOLDFAST_EPG_A_GRPC");
  const std::string b = platform_.Endpoint("HOLDFAST_EPG_B_GRPC");
  const auto connections = [&] { return std::pair(OwnConnectionsTo(a), OwnConnectionsTo(b)); };
  ASSERT_TRUE(Eventually([&] { return load_->grpc().TriesOf("epg-a") > 20; }))
      << load_->grpc().Describe();
  const auto before = connections();
  EXPECT_FALSE(before.first.empty() || before.second.empty());

  ASSERT_OK_AND_ASSIGN(const std::string admin, platform_.StartExtra("epg"));
  ASSERT_TRUE(Eventually([&] { return Answers(admin + "/readyz"); }, kRecovery));
  const double ready = SecondsSinceBoot();
  ASSERT_TRUE(Eventually([&] { return load_->grpc().TriesOf("epg-c") > 0; }, kRecovery))
      << load_->grpc().Describe();
  const double joined = SecondsSinceBoot() - ready;
  EXPECT_EQ(connections(), before);
  std::printf(
      "\nepg-c has its first call %.2f s after it was ready; connections to epg-a and "
      "epg-b are the same\n",
      joined);
  if (TimesAreJudged()) {
    EXPECT_LE(joined, kMayJoin);
  }
  // Until it has a full part: slow start is over and it is one of three.
  EXPECT_TRUE(Eventually([&] { return load_->grpc().TriesOf("epg-c") > 50; }, kRecovery));
  EXPECT_EQ(platform_.EndExtra(), 0);
  NobodyNoticed();
}

}  // namespace
}  // namespace holdfast::test
