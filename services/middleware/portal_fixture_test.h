// A portal without a network: the real assembly with stores and neighbours that are not there
// (unless a test brings a database), a clock of the test's own, and a box that calls it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libs/testing/fake_clock.h"
#include "libs/testing/temp_dir.h"
#include "services/middleware/assembly.h"
#include "services/middleware/convert.h"

namespace holdfast::middleware {

using Json = nlohmann::json;

inline constexpr std::int64_t kNowSeconds = 1767348000;  // 2026-01-02 10:00:00 UTC
inline constexpr const char* kBoxMac = "00:1A:79:12:34:56";

// What a box got.
struct BoxAnswer {
  int status = 0;
  std::string content_type;
  std::string body;  // decompressed
  std::vector<std::pair<std::string, std::string>> headers;
  bool gzipped = false;

  std::string Header(std::string_view name) const;
  Json Js() const;  // of a well-formed envelope; fails the test otherwise
};

// What a box sends. Fields may be changed between calls.
struct BoxRequest {
  std::string path = "/stalker_portal/server/load.php";
  std::string query;
  std::string method = "GET";
  std::string body;
  std::string cookie = std::string("mac=") + kBoxMac + "; stb_lang=en; timezone=Europe/London";
  std::string authorization;
  std::string accept_encoding = "deflate, gzip, br, zstd";
  std::string real_ip;                    // X-Real-IP, as a balancer sets it
  Deadline deadline = Deadline::Never();  // of the request
  Criticality admitted =
      Criticality::kBulk;  // the least critical calls that the server has time for
};

struct FixtureOptions {
  storage::PgOptions postgres = {.hosts = "127.0.0.1:1",
                                 .database = "none",
                                 .user = "none",
                                 .connect_timeout = std::chrono::milliseconds(50)};
  std::string billing = "127.0.0.1:1";  // nobody listens there
  std::string data_dir;                 // empty: of the fixture's own
  PortalConfig portal;
  OssConfig oss;
  AppsConfig apps;
  StreamsConfig streams;
  storage::RedisOptions redis;     // no address: there is none
  std::string oss_credentials;     // the text of the file; empty: nobody
  std::string entitlement_keys;    // folder of billing's; empty: nothing has to be signed
  std::size_t max_waiting = 1024;  // of the worker pool
};

class PortalFixture {
 public:
  explicit PortalFixture(FixtureOptions options = {});
  ~PortalFixture();

  // -- What the portal knows ----------------------------------------------------------------------
  void HaveLineup(const std::string& m3u);
  // Of entitlements from now on; 0: unlimited.
  int max_streams = 0;
  // Four channels: 1 clear, 2 encrypted, 3 in package "sport", 4 adult.
  void HaveUsualLineup();
  void HaveDevice(const std::string& mac = kBoxMac, const std::string& account = "acc-1",
                  bool started = true);
  void HaveEntitlement(
      const std::string& account = "acc-1", std::vector<std::string> packages = {"basic"},
      billing::v1::Entitlement::Status status = billing::v1::Entitlement::STATUS_ACTIVE,
      const std::vector<std::pair<int, std::int64_t>>& rentals = {});  // of titles, until when
  // Of billing: "basic", and "cinema", whose films are rented for 48 hours and 3.00 EUR.
  void HavePackages(std::int64_t price = 300);
  void HaveEdges(int count = 2);
  // One programme each hour, from three hours ago until `hours` from now.
  void HaveGuide(const std::string& guide_id, int hours);
  // All of the above.
  void HaveEverything();

  // -- The box ------------------------------------------------------------------------------------
  BoxAnswer Send(const BoxRequest& request);
  // type=..&action=..&rest, with the token of LogIn.
  BoxAnswer Call(const std::string& type, const std::string& action, const std::string& rest = "");
  // Handshake and profile; keeps the token.
  void LogIn();
  std::string Zap(int link_id);  // the cmd of create_link

  Assembly& portal() { return *assembly_; }
  test::FakeClock& clock() { return clock_; }
  telemetry::Metrics& metrics() { return metrics_; }
  const std::string& data_dir() const { return data_dir_; }
  const security::KeySet& play_keys() const { return play_keys_; }
  WorkerPool& workers() { return *workers_; }
  storage::DiskSpool& reports() { return *reports_; }
  std::string token;
  std::string real_ip;  // of what Call and LogIn send

  // Runs a job of the portal once.
  absl::Status RunJob(std::string_view name);

 private:
  test::TempDir dir_;
  std::string data_dir_;
  test::FakeClock clock_{FromEpochSeconds(kNowSeconds)};
  SeededRandom random_{7};
  telemetry::Metrics metrics_;
  security::KeySet play_keys_ = security::KeySet::ForTest("p1", "abcdefghijklmnopabcdefghijklmnop");
  std::unique_ptr<discovery::Directory> directory_;
  std::unique_ptr<rpc::Channel> billing_, epg_, analytics_;
  std::unique_ptr<storage::PgPool> postgres_;
  std::unique_ptr<storage::RedisPool> redis_;
  std::unique_ptr<storage::DiskSpool> writes_, settings_, viewers_, reports_, hooks_;
  std::unique_ptr<WorkerPool> workers_;
  std::unique_ptr<Assembly> assembly_;
  std::uint64_t feed_revision_ = 0;
  std::uint64_t package_revision_ = 0;
  StoredLineup lineup_;
};

}  // namespace holdfast::middleware
