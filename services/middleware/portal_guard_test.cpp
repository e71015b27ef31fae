// Who is turned away at the start, what that costs, and that it is seen.
#include <gmock/gmock.h>

#include <span>

#include "libs/storage/pg_migrate.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/test_postgres.h"
#include "services/middleware/portal_fixture_test.h"

namespace holdfast::middleware {

std::span<const storage::Migration> Migrations();

namespace {

using namespace std::chrono_literals;
using test::IsOk;

double CounterOf(PortalFixture& box, const char* family, const char* label, const char* value) {
  return box.metrics().CounterFamily(family, "", {label}).With({value}).value();
}
double RefusedOf(PortalFixture& box, const char* reason) {
  return CounterOf(box, "holdfast_middleware_boxes_refused_total", "reason", reason);
}
double SuspectedOf(PortalFixture& box, const char* sign) {
  return CounterOf(box, "holdfast_middleware_clones_suspected_total", "sign", sign);
}
double RefusedAnswersOf(PortalFixture& box) {
  return CounterOf(box, "holdfast_middleware_portal_answers_total", "outcome", "refused");
}

std::string MacOf(int n) {
  char mac[18];
  std::snprintf(mac, sizeof(mac), "00:1A:79:%02X:%02X:%02X", n >> 16 & 255, n >> 8 & 255, n & 255);
  return mac;
}

BoxRequest RequestOf(const std::string& mac, const std::string& query) {
  return {.query = query, .cookie = "mac=" + mac};
}

// A portal with a database that counts what is asked of it.
class GuardedPortalTest : public testing::Test {
 protected:
  void Start(const PortalConfig& config) {
    server_ = &test::TestPostgres::Shared();
    const storage::PgOptions options{.hosts = "127.0.0.1:" + std::to_string(server_->port()),
                                     .database = server_->NewDatabase(),
                                     .user = server_->user()};
    pool_ = std::make_unique<storage::PgPool>(options, metrics_);
    ASSERT_THAT(storage::Migrate(*pool_, Migrations(), Deadline::After(10s)), IsOk());
    box_ = std::make_unique<PortalFixture>(FixtureOptions{.postgres = options, .portal = config});
    box_->HaveUsualLineup();
    box_->HaveEntitlement();
  }
  // How many queries the portal has made, of any outcome.
  double Queries() {
    double queries = 0;
    std::istringstream lines(box_->metrics().Scrape());
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("holdfast_pg_queries_total{")) {
        queries += std::stod(line.substr(line.rfind(' ')));
      }
    }
    return queries;
  }
  Json Profile(const std::string& mac, const std::string& more = "",
               const std::string& from = "192.0.2.1") {
    BoxRequest request = RequestOf(mac, "type=stb&action=get_profile" + more);
    request.real_ip = from;
    return box_->Send(request).Js();
  }
  // Handshake and the token in it.
  std::string TokenOf(const std::string& mac, const std::string& from = "192.0.2.1") {
    BoxRequest request = RequestOf(mac, "type=stb&action=handshake");
    request.real_ip = from;
    return box_->Send(request).Js()["token"];
  }

  std::string StoredHardwareId(const std::string& mac) {
    const auto device = PgStore(*pool_).FindDevice(Deadline::After(5s), *Mac::Parse(mac));
    EXPECT_THAT(device, IsOk());
    return device.ok() && device->has_value() ? (*device)->hardware_id : "no such box";
  }

  test::TestPostgres* server_ = nullptr;
  telemetry::Metrics metrics_;  // of the test's own connections
  std::unique_ptr<storage::PgPool> pool_;
  std::unique_ptr<PortalFixture> box_;
};

TEST_F(GuardedPortalTest, WhoTriesAThousandMacsCostsAHandfulOfQueriesAndIsSeen) {
  PortalConfig config;
  config.registrations_per_address = 5;
  Start(config);
  for (int n = 0; n < 5; ++n) EXPECT_EQ(Profile(MacOf(n))["status"], 2) << n;
  const double queries = Queries();
  EXPECT_GT(queries, 0) << "registering asks the database: the count below would prove nothing";
  for (int n = 5; n < 1000; ++n) {
    const Json js = Profile(MacOf(n));
    EXPECT_EQ(js["status"], 1);
    EXPECT_EQ(js["msg"], "access denied");
  }
  EXPECT_EQ(Queries(), queries);
  EXPECT_EQ(RefusedOf(*box_, "too_many"), 995);
  EXPECT_EQ(RefusedAnswersOf(*box_), 995);
  EXPECT_EQ(box_->portal().devices().size(), 5u);
  // Others are not in the way of it, and a minute later neither is that address.
  EXPECT_EQ(Profile(MacOf(2000), "", "192.0.2.2")["status"], 2);
  box_->clock().Advance(60s);
  EXPECT_EQ(Profile(MacOf(2001))["status"], 2);
}

TEST_F(GuardedPortalTest, WhoTriesFromManyAddressesMeetsTheLimitOfTheInstance) {
  PortalConfig config;
  config.registrations_per_minute = 7;
  Start(config);
  int registered = 0;
  for (int n = 0; n < 200; ++n) {
    registered += Profile(MacOf(n), "", "198.51.100." + std::to_string(n))["status"] == 2 ? 1 : 0;
  }
  EXPECT_EQ(registered, 7);
  EXPECT_EQ(RefusedOf(*box_, "too_many"), 193);
}

TEST_F(GuardedPortalTest, WithoutRegistrationAnUnknownBoxCostsNoQueryAndIsCounted) {
  PortalConfig config;
  config.auto_register = false;
  Start(config);
  const double queries = Queries();
  for (int n = 0; n < 1000; ++n) {
    const Json js = Profile(MacOf(n));
    EXPECT_EQ(js,
              Json({{"status", 1},
                    {"block_msg", "Please contact your provider<br>to register this device!"}}));
  }
  EXPECT_EQ(Queries(), queries);
  EXPECT_EQ(RefusedOf(*box_, "unknown"), 1000);
  EXPECT_EQ(RefusedAnswersOf(*box_), 1000);
}

TEST_F(GuardedPortalTest, TokensOfUnknownBoxesOpenNoDoorToTheDatabase) {
  PortalConfig config;
  config.registrations_per_address = 3;
  Start(config);
  // Signed ones for the first, a text that costs nothing for the others.
  std::vector<std::string> tokens;
  for (int n = 0; n < 20; ++n) tokens.push_back(TokenOf(MacOf(n)));
  for (int n = 0; n < 20; ++n) {
    EXPECT_EQ(std::count(tokens[n].begin(), tokens[n].end(), '.'), n < 3 ? 2 : 0) << tokens[n];
  }
  const auto lists = [&] {
    BoxRequest request = RequestOf(MacOf(0), "type=itv&action=get_all_channels");
    request.authorization = "Bearer " + tokens[0];
    request.real_ip = "192.0.2.1";
    return box_->Send(request).body;
  };
  for (int n = 0; n < 36; ++n) EXPECT_EQ(lists(), "Authorization failed.");
  const double queries = Queries();
  EXPECT_GT(queries, 0);
  for (int n = 0; n < 1000; ++n) EXPECT_EQ(lists(), "Authorization failed.");
  EXPECT_EQ(Queries(), queries);
}

TEST_F(GuardedPortalTest, ATokenThatCostNothingBecomesGoodWithTheRegistration) {
  PortalConfig config;
  config.registrations_per_address = 1;
  config.default_account = "acc-1";
  Start(config);
  TokenOf(MacOf(1));
  const std::string token = TokenOf(MacOf(2));  // one too many
  BoxRequest request = RequestOf(MacOf(2), "type=stb&action=get_profile");
  request.authorization = "Bearer " + token;
  EXPECT_EQ(box_->Send(request).Js()["status"], "0");
  request.query = "type=itv&action=get_genres";
  EXPECT_TRUE(box_->Send(request).Js().is_array());
}

TEST_F(GuardedPortalTest, KnownBoxesAreNeverTooMany) {
  PortalConfig config;
  config.registrations_per_address = 1;
  config.registrations_per_minute = 1;
  Start(config);
  box_->HaveDevice();
  for (int n = 0; n < 50; ++n) {
    box_->token.clear();
    box_->LogIn();
  }
  EXPECT_EQ(RefusedOf(*box_, "too_many"), 0);
}

TEST_F(GuardedPortalTest, TheFirstDeviceIdIsStoredAndBindsTheBoxOnEveryInstance) {
  PortalConfig config;
  config.default_account = "acc-1";
  Start(config);
  EXPECT_EQ(Profile(MacOf(1), "&device_id=AAAA")["status"], "0");
  EXPECT_EQ(StoredHardwareId(MacOf(1)), "AAAA");
  EXPECT_EQ(Profile(MacOf(1), "&device_id=BBBB")["msg"], "device conflict - device_id mismatch");
  EXPECT_EQ(StoredHardwareId(MacOf(1)), "AAAA");
  EXPECT_EQ(RefusedOf(*box_, "hardware"), 1);
}

// -- Without a database -----------------------------------------------------------------------

class TurnedAwayTest : public testing::Test {
 protected:
  PortalFixture& Portal(const PortalConfig& config) {
    box_ = std::make_unique<PortalFixture>(FixtureOptions{.portal = config});
    box_->HaveEverything();
    EXPECT_FALSE(box_->RunJob("follow_database").ok());  // PostgreSQL is away
    return *box_;
  }
  Json Profile(const std::string& more) {
    return box_->Call("stb", "get_profile", "stb_type=MAG250&" + more).Js();
  }
  // A known box that has sent these ids when it started.
  void HaveBound(const HardwareIds& ids) {
    Device device = *box_->portal().devices().Find(kBoxMac);
    device.hardware_id = ids.device_id;
    device.settings[std::string(kHardwareIds)] = {HardwareSetting(ids), 1};
    device.revision = 5;
    box_->portal().devices().Put(device);
  }
  std::unique_ptr<PortalFixture> box_;
};

TEST_F(TurnedAwayTest, AMacOutsideTheRangeIsCountedAndGetsNoSignatureAndNoLogin) {
  PortalFixture& box = Portal({});
  BoxRequest request = RequestOf("AA:BB:CC:12:34:56", "type=stb&action=get_profile");
  EXPECT_EQ(box.Send(request).Js(), Json({{"status", 1}}));
  EXPECT_EQ(RefusedOf(box, "mac_range"), 1);
  request.query = "type=stb&action=handshake";
  EXPECT_EQ(box.Send(request).Js()["token"].get<std::string>().find('.'), std::string::npos);
  request.query = "type=stb&action=do_auth&login=a&password=b";
  EXPECT_EQ(box.Send(request).Js(), false);
  EXPECT_EQ(RefusedOf(box, "mac_range"), 2);
}

TEST_F(TurnedAwayTest, ABlockedAccountIsCounted) {
  PortalFixture& box = Portal({});
  box.HaveEntitlement("acc-1", {"basic"}, billing::v1::Entitlement::STATUS_SUSPENDED);
  EXPECT_EQ(Profile("")["status"], 1);
  EXPECT_EQ(RefusedOf(box, "blocked"), 1);
}

TEST_F(TurnedAwayTest, AClosedPortalLetsRunningSessionsGoOn) {
  PortalConfig config;
  config.closed = true;
  config.closed_message = "Back at <b>nine</b>.";
  PortalFixture& box = Portal(config);
  EXPECT_EQ(box.Call("stb", "check_portal_status").Js(), false);
  EXPECT_EQ(
      Profile(""),
      Json({{"status", 1}, {"block_msg", "Back at <b>nine</b>."}, {"portal_disabled", true}}));
  EXPECT_EQ(RefusedOf(box, "closed"), 1);
  box.token = box.Call("stb", "handshake").Js()["token"];
  EXPECT_TRUE(box.Call("itv", "get_genres").Js().is_array());
  EXPECT_NE(box.Zap(1), "");
  Portal({});
  EXPECT_EQ(box_->Call("stb", "check_portal_status").Js(), true);
}

TEST_F(TurnedAwayTest, OldFirmwareIsToldToUpdate) {
  const std::string old = "ver=Player%20Engine%20version%3A%200x565";
  Portal({});
  EXPECT_EQ(Profile(old)["status"], "0") << "nobody has asked for a version";
  PortalConfig config;
  config.oldest_player = 0x566;
  PortalFixture& box = Portal(config);
  const Json js = Profile(old);
  EXPECT_EQ(js["status"], 1);
  EXPECT_EQ(js["msg"], "old firmware");
  EXPECT_TRUE(js["block_msg"].is_string());
  EXPECT_EQ(RefusedOf(box, "firmware"), 1);
  EXPECT_EQ(Profile("ver=Player%20Engine%20version%3A%200x566")["status"], "0");
  EXPECT_EQ(Profile("ver=")["status"], "0") << "no box, or one that does not say";
}

TEST_F(TurnedAwayTest, SignsOfACloneAreCountedAndLetInUnlessTheOperatorIsStrict) {
  const std::vector<std::pair<std::string, const char*>> clones = {
      {"device_id=&sn=SN1", "no_device_id"},
      {"device_id=A&device_id2=B2&sn=SN1", "device_id2"},
      {"device_id=A&device_id2=A2&sn=SN2", "serial_number"}};
  PortalFixture& lenient = Portal({});
  HaveBound({"A", "A2", "SN1"});
  for (const auto& [ids, sign] : clones) {
    EXPECT_EQ(Profile(ids)["status"], "0") << ids;
    EXPECT_EQ(SuspectedOf(lenient, sign), 1) << ids;
  }
  EXPECT_EQ(RefusedOf(lenient, "hardware"), 0);

  PortalConfig config;
  config.strict_hardware_id = true;
  PortalFixture& strict = Portal(config);
  HaveBound({"A", "A2", "SN1"});
  EXPECT_EQ(Profile("device_id=A&device_id2=A2&sn=SN1")["status"], "0");
  for (const auto& [ids, sign] : clones) {
    EXPECT_EQ(Profile(ids)["msg"], "device conflict - device_id mismatch") << ids;
    EXPECT_EQ(SuspectedOf(strict, sign), 1) << ids;
  }
  EXPECT_EQ(RefusedOf(strict, "hardware"), 3);
}

TEST_F(TurnedAwayTest, TheFirstIdsOfABoxAreNoted) {
  PortalFixture& box = Portal({});
  HaveBound({"A", "", ""});
  EXPECT_EQ(Profile("device_id=A&device_id2=A2&sn=SN1")["status"], "0");
  EXPECT_EQ(BoundIds(*box.portal().devices().Find(kBoxMac)), (HardwareIds{"A", "A2", "SN1"}));
  EXPECT_EQ(Profile("device_id=A&device_id2=A2&sn=SN2")["status"], "0");
  EXPECT_EQ(BoundIds(*box.portal().devices().Find(kBoxMac)), (HardwareIds{"A", "A2", "SN1"}));
  EXPECT_EQ(SuspectedOf(box, "serial_number"), 1);
}

TEST_F(TurnedAwayTest, TwoBoxesThatTakeTurnsAreSeen) {
  PortalFixture& box = Portal({});
  const auto start_from = [&](const std::string& address) {
    box.token.clear();
    box.real_ip = address;
    box.LogIn();
  };
  start_from("192.0.2.1");
  box.clock().Advance(90s);
  start_from("192.0.2.1");
  EXPECT_EQ(SuspectedOf(box, "address"), 0) << "a box that was restarted";
  box.clock().Advance(90s);
  start_from("192.0.2.2");
  EXPECT_EQ(SuspectedOf(box, "address"), 1);
  box.clock().Advance(90s);
  start_from("192.0.2.1");
  EXPECT_EQ(SuspectedOf(box, "address"), 2);
  box.clock().Advance(10min);
  start_from("192.0.2.2");
  EXPECT_EQ(SuspectedOf(box, "address"), 2) << "a box that was carried elsewhere";
}

}  // namespace
}  // namespace holdfast::middleware
