// The small parts that answers are made of.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <set>

#include "libs/app/app.h"
#include "libs/testing/fake_clock.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/temp_dir.h"
#include "libs/testing/test_redis.h"
#include "services/middleware/attempt_limiter.h"
#include "services/middleware/body_cache.h"
#include "services/middleware/epg_rows.h"
#include "services/middleware/gzip.h"
#include "services/middleware/json_writer.h"
#include "services/middleware/portal_call.h"
#include "services/middleware/presence.h"
#include "services/middleware/reporter.h"
#include "services/middleware/sessions.h"
#include "services/middleware/zones.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;
using test::IsOk;

const Mac kMac = *Mac::Parse("00:1A:79:12:34:56");
const WallTime kNow = FromEpochSeconds(1767348000);

TEST(JsonWriterTest, WritesWhatAParserReadsBack) {
  std::string text;
  JsonWriter json(text);
  json.BeginObject().Field("a", "x\"\\\n\t\x01").Field("b", 7).Field("c", true).Field("d", 1.5);
  json.Key("e").BeginArray().Int(1).Null().BeginObject().EndObject().String(std::int64_t{12});
  json.EndArray().Field("f", "T\xc3\xbcrk").EndObject();
  const auto read = nlohmann::json::parse(text);
  EXPECT_EQ(read["a"], "x\"\\\n\t\x01");
  EXPECT_EQ(read["b"], 7);
  EXPECT_EQ(read["c"], true);
  EXPECT_EQ(read["d"], 1.5);
  EXPECT_EQ(read["e"], nlohmann::json::parse(R"([1,null,{},"12"])"));
  EXPECT_EQ(read["f"], "T\xc3\xbcrk");
}

TEST(JsonWriterTest, AnyBytesGiveValidJson) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  std::string text;
  JsonWriter(text).String(bytes);
  EXPECT_TRUE(nlohmann::json::accept(text)) << text;
}

TEST(JsonWriterTest, RealsAreShortAndNeverNotANumber) {
  const auto real = [](double value) {
    std::string text;
    JsonWriter(text).Real(value);
    return text;
  };
  EXPECT_EQ(real(10), "10");
  EXPECT_EQ(real(57.25), "57.25");
  EXPECT_EQ(real(0.0004), "0");
  EXPECT_EQ(real(std::numeric_limits<double>::quiet_NaN()), "0");
  EXPECT_TRUE(nlohmann::json::accept(real(1e300)));
}

TEST(GzipTest, ComesBack) {
  for (const std::size_t size : {0u, 1u, 1000u, 300'000u}) {
    const std::string text(size, 'x');
    EXPECT_EQ(Gunzip(Gzip(text, 6)), text);
  }
}

TEST(GzipTest, PartsJoinInAnyOrderWithoutCompressingAgain) {
  const GzipPart a = MakeGzipPart(std::string(5000, 'a'), 6);
  const GzipPart b = MakeGzipPart("b", 6);
  const GzipPart empty = MakeGzipPart("", 6);
  GzipJoiner joiner;
  for (const GzipPart* part : {&b, &a, &empty, &b, &a}) joiner.Add(*part);
  const std::string body = std::move(joiner).Finish();
  EXPECT_LT(body.size(), 300u);
  EXPECT_EQ(Gunzip(body), "b" + std::string(5000, 'a') + "b" + std::string(5000, 'a'));
  EXPECT_EQ(Gunzip(GzipJoiner().Finish()), "");
}

TEST(ZonesTest, NamesOfZonesAreFoundAndAnythingElseIsTheDefault) {
  Zones zones("Europe/London");
  EXPECT_EQ(zones.Find("Europe/Berlin").zone.OffsetSeconds(kNow), 3600);
  for (const char* name : {"", "Nowhere/Land", "../../../etc/passwd", "/etc/passwd", "Europe",
                           "a\nb", "Europe/../Europe/Berlin"}) {
    EXPECT_EQ(zones.Find(name).name, "Europe/London") << name;
  }
  EXPECT_EQ(zones.Find(std::string(100'000, 'x')).name, "Europe/London");
  EXPECT_EQ(Zones("nonsense").default_zone().name, "UTC");
}

TEST(EpgRowsTest, RowNumbersFitWhatClientsCanRead) {
  std::set<std::int64_t> seen;
  for (int channel = 1; channel <= 100; ++channel) {
    for (int hour = 0; hour < 100; ++hour) {
      const std::int64_t id = RowId(ChannelId(channel), 1767348000 + hour * 3600);
      EXPECT_GT(id, 0);
      EXPECT_LT(id, 1ll << 31);
      seen.insert(id);
    }
  }
  EXPECT_EQ(seen.size(), 10'000u);
}

TEST(EpgRowsTest, ARowNumberTellsItsChannelAndMinute) {
  for (const std::int64_t channel : {1, 24'854, 24'855, 1'000'000}) {
    for (const std::int64_t start : {1767348000ll, 1767348000ll + 59 * 86'400, 1767348061ll}) {
      const auto marks = MarksOf(RowId(ChannelId(channel), start));
      ASSERT_TRUE(marks.has_value());
      EXPECT_EQ(marks->channel, ChannelMark(ChannelId(channel)));
      EXPECT_EQ(marks->minute, MinuteMark(start));
    }
  }
  EXPECT_FALSE(MarksOf(0).has_value());
  EXPECT_FALSE(MarksOf(-5).has_value());
  EXPECT_FALSE(MarksOf(1ll << 31).has_value());
}

TEST(EpgRowsTest, TimesFollowTheZoneOverAClockChange) {
  const TimeZone berlin = *TimeZone::Load("Europe/Berlin");
  EXPECT_EQ(LocalTime(1774742400, berlin).DateTime(), "2026-03-29 01:00:00");
  EXPECT_EQ(LocalTime(1774746000, berlin).DateTime(), "2026-03-29 03:00:00");
  EXPECT_EQ(LocalTime(1774746000, berlin).SpokenDay(), "SUNDAY 29.03.2026");
}

TEST(BodyCacheTest, MakesOnceAndForgetsTheOldest) {
  telemetry::Metrics metrics;
  BodyCache cache({.name = "test", .max_bytes = 250}, metrics);
  int made = 0;
  const auto make = [&] {
    ++made;
    return Body{.plain = http::Store(std::string(100, 'x'))};
  };
  cache.GetOrMake("a", make);
  cache.GetOrMake("a", make);
  cache.GetOrMake("b", make);
  EXPECT_EQ(made, 2);
  EXPECT_NE(cache.Find("a"), nullptr);  // now b is the oldest
  cache.GetOrMake("c", make);
  EXPECT_NE(cache.Find("a"), nullptr);
  EXPECT_EQ(cache.Find("b"), nullptr);
}

TEST(BodyCacheTest, ABodyLargerThanTheCacheIsStillServed) {
  telemetry::Metrics metrics;
  BodyCache cache({.name = "test", .max_bytes = 10}, metrics);
  const auto body =
      cache.GetOrMake("a", [] { return Body{.plain = http::Store(std::string(100, 'x'))}; });
  EXPECT_EQ(body->plain->size(), 100u);
}

TEST(AttemptLimiterTest, AllowsSoManyInAWhileForEachKey) {
  test::FakeClock clock;
  AttemptLimiter limiter({.attempts = 2, .window = 60s, .max_keys = 10}, clock);
  EXPECT_TRUE(limiter.Allow("a"));
  EXPECT_TRUE(limiter.Allow("a"));
  EXPECT_FALSE(limiter.Allow("a"));
  EXPECT_TRUE(limiter.Allow("b"));
  clock.Advance(60s);
  EXPECT_TRUE(limiter.Allow("a"));
}

TEST(ActionTableTest, NamesOfAnyLengthAreSafe) {
  ActionTable table;
  table.Add("itv", "x", Access::kAnybody, [](PortalCall&) { return PortalAnswer::True(); });
  EXPECT_NE(table.Find("itv", "x"), nullptr);
  EXPECT_EQ(table.Find("itv", ""), nullptr);
  EXPECT_EQ(table.Find("", ""), nullptr);
  EXPECT_EQ(table.Find(std::string(64, 'a'), std::string(64, 'b')), nullptr);
  EXPECT_EQ(table.Find(std::string(100'000, 'a'), "x"), nullptr);
}

class SessionsTest : public testing::Test {
 protected:
  telemetry::Metrics metrics_;
  const security::KeySet keys_ =
      security::KeySet::ForTest("k1", "0123456789abcdef0123456789abcdef");
  Sessions sessions_{keys_, {.token_lifetime = 10h, .cached_tokens = 64}, metrics_};
  Device device_{.mac = kMac.text(), .id = 5, .account = AccountId("acc")};
};

TEST_F(SessionsTest, ATokenCarriesDeviceAccountAndPackages) {
  Entitlement entitlement{
      .account = AccountId("acc"), .revision = 3, .packages = PackageSet({"b", "a"})};
  const ExaminedToken examined =
      sessions_.Examine(sessions_.Issue(kMac, &device_, &entitlement, kNow), kNow);
  ASSERT_EQ(examined.token.kind, OfferedToken::Kind::kOurs);
  EXPECT_EQ(examined.token.mac, kMac.text());
  ASSERT_NE(examined.session->entitlement, nullptr);
  EXPECT_EQ(examined.session->entitlement->packages.key(), "a,b");
  EXPECT_EQ(examined.session->entitlement->revision, 3u);
}

TEST_F(SessionsTest, ABlockedAccountGetsNoRightsIntoItsToken) {
  Entitlement entitlement{.standing = Entitlement::Standing::kSuspended,
                          .packages = PackageSet({"a"})};
  const ExaminedToken examined =
      sessions_.Examine(sessions_.Issue(kMac, &device_, &entitlement, kNow), kNow);
  EXPECT_EQ(examined.session->entitlement, nullptr);
}

TEST_F(SessionsTest, ACachedTokenStillExpires) {
  const std::string token = sessions_.Issue(kMac, &device_, nullptr, kNow);
  EXPECT_EQ(sessions_.Examine(token, kNow).token.kind, OfferedToken::Kind::kOurs);
  EXPECT_EQ(sessions_.Examine(token, kNow + 10h).token.kind, OfferedToken::Kind::kBroken);
}

TEST_F(SessionsTest, OneChangedLetterBreaksAToken) {
  const std::string token = sessions_.Issue(kMac, &device_, nullptr, kNow);
  for (std::size_t i = 3; i < token.size(); i += 7) {
    std::string forged = token;
    forged[i] = forged[i] == 'A' ? 'B' : 'A';
    EXPECT_NE(sessions_.Examine(forged, kNow).token.kind, OfferedToken::Kind::kOurs) << i;
  }
}

TEST_F(SessionsTest, TheCacheIsBoundedAndForgettingCostsOnlyAnotherCheck) {
  std::vector<std::string> tokens;
  for (int i = 0; i < 500; ++i) {
    device_.id = i;
    tokens.push_back(sessions_.Issue(kMac, &device_, nullptr, kNow));
  }
  for (const std::string& token : tokens) {
    EXPECT_EQ(sessions_.Examine(token, kNow).token.kind, OfferedToken::Kind::kOurs);
  }
}

TEST_F(SessionsTest, ATokenIsReplacedWhenItIsOldOrSaysTooLittle) {
  Entitlement before{.account = AccountId("acc"), .revision = 3, .packages = PackageSet({"a"})};
  const auto examined = sessions_.Examine(sessions_.Issue(kMac, &device_, &before, kNow), kNow);
  EXPECT_TRUE(sessions_.WorthKeeping(*examined.session, &device_, &before, kNow));
  EXPECT_FALSE(sessions_.WorthKeeping(*examined.session, &device_, &before, kNow + 6h));
  Entitlement after = before;
  after.revision = 4;
  EXPECT_FALSE(sessions_.WorthKeeping(*examined.session, &device_, &after, kNow));
  device_.generation = 1;
  EXPECT_FALSE(sessions_.WorthKeeping(*examined.session, &device_, &before, kNow));
}

TEST(PresenceTest, BoxesAreToldToRedisInBatchesAndNothingIsLostButPresenceWithoutIt) {
  const auto server = test::TestRedis::Start();
  telemetry::Metrics metrics;
  storage::RedisPool redis({.address = server->address()}, metrics);
  Presence presence({.online_for = 60s, .max_waiting = 2500}, redis);
  for (int i = 0; i < 3000; ++i) presence.Seen("mac-" + std::to_string(i % 2600), "192.0.2.7");
  ASSERT_THAT(presence.Flush(FromEpochSeconds(1767348000), Deadline::After(5s)), IsOk());
  const auto keys = redis.Call(Deadline::After(5s), {"DBSIZE"});
  ASSERT_THAT(keys, IsOk());
  EXPECT_EQ(keys->integer, 2500);
  for (const auto& [later, is_online] : {std::pair(60, true), std::pair(61, false)}) {
    const auto found = presence.Find({"mac-7", "never-seen"}, FromEpochSeconds(1767348000 + later),
                                     Deadline::After(5s));
    ASSERT_THAT(found, IsOk());
    ASSERT_EQ(found->size(), 1u);
    EXPECT_EQ(found->at("mac-7").at, 1767348000);
    EXPECT_EQ(found->at("mac-7").address, "192.0.2.7");
    EXPECT_EQ(found->at("mac-7").online, is_online);
  }
  server->Kill();
  const WallTime now = FromEpochSeconds(1767348001);
  presence.Seen("mac-1", "");
  EXPECT_FALSE(presence.Flush(now, Deadline::After(1s)).ok());
  EXPECT_THAT(presence.Flush(now, Deadline::After(1s)), IsOk());  // nothing waits
  EXPECT_FALSE(presence.Find({"mac-7"}, now, Deadline::After(1s)).ok());
}

TEST(ReporterTest, ReportsOfAnOutageWaitOnDiskAndTooManyAreCounted) {
  test::TempDir dir;
  test::FakeClock clock;
  SeededRandom random(1);
  telemetry::Metrics metrics;
  const auto directory =
      *discovery::OpenDirectory({.spec = "static:analytics=127.0.0.1:1"}, clock, random, metrics);
  rpc::Channel channel("analytics", {}, {*directory, clock, random, metrics, {}, "a"});
  Analytics analytics(channel, {clock, random});
  const auto spool =
      *storage::DiskSpool::Open({.directory = dir.path(), .name = "reports"}, metrics);
  Reporter reporter({.instance = "m", .max_waiting = 10}, analytics, *spool, metrics);
  for (int i = 0; i < 15; ++i) reporter.Report({.stream = "s"});
  EXPECT_THAT(reporter.Deliver(Deadline::After(2s)), IsOk());
  EXPECT_EQ(spool->pending_records(), 1u);
  EXPECT_THAT(metrics.Scrape(), testing::HasSubstr("holdfast_middleware_reports_lost_total 5"));
}

}  // namespace
}  // namespace holdfast::middleware
