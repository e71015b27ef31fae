#include "services/drm/key_http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "libs/base/encoding.h"
#include "libs/http/client.h"
#include "libs/security/token.h"
#include "libs/testing/eventually.h"
#include "libs/testing/fake_clock.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/temp_dir.h"
#include "services/drm/content_key.h"
#include "services/drm/epochs_for_test.h"

namespace holdfast::drm {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using test::IsOk;
using testing::HasSubstr;
using Headers = std::vector<std::pair<std::string, std::string>>;

constexpr std::string_view kPlaySecret = "play-play-play-play-play-play-pl";
const Periods kPeriods(minutes(10));

// One drm instance's public port.
class Instance {
 public:
  Instance(const Clock& clock, const std::string& folder, const PlayKeys& play_keys)
      : keeper(TestKeks(), folder + "/epochs"),
        http_({.periods = kPeriods, .packager_secret = "packager secret"}, keeper, play_keys, clock,
              workers_, metrics_) {
    http::Router router;
    http_.AddTo(router);
    server_ = std::make_unique<http::Server>(http::ServerOptions{}, std::move(router), telemetry_);
    EXPECT_THAT(server_->Start(), IsOk());
  }
  ~Instance() { server_->Drain(Deadline::After(seconds(5))); }

  http::ClientResponse Send(http::ClientRequest request) {
    request.url = "http://127.0.0.1:" + std::to_string(server_->port()) + request.url;
    auto response = http::Fetch(request, Deadline::After(seconds(20)));
    EXPECT_THAT(response, IsOk());
    return response.ok() ? *std::move(response) : http::ClientResponse{};
  }
  std::string Scrape() const { return telemetry_.Scrape(); }

 private:
  telemetry::Metrics telemetry_;
  Metrics metrics_{telemetry_};
  WorkerPool workers_{{.name = "work", .threads = 2}};

 public:
  EpochKeeper keeper;

 private:
  KeyHttp http_;
  std::unique_ptr<http::Server> server_;
};

class KeyHttpTest : public testing::Test {
 protected:
  void SetUp() override {
    std::ofstream(dir_.File("play-1.key")) << ToHex(kPlaySecret);
    ASSERT_THAT(play_keys_.Reload(), IsOk());
    drm_ = std::make_unique<Instance>(clock_, dir_.path(), play_keys_);
    epochs_ = {TestEpoch(1, clock_.Now() - hours(48)), TestEpoch(2, clock_.Now() - hours(24))};
    ASSERT_THAT(drm_->keeper.Take(epochs_), IsOk());
  }

  std::string Token(std::string channel, Duration valid_for = minutes(5)) {
    return security::SignPlayToken(
        {.account_id = "acc-1",
         .device_id = "dev-1",
         .channel_id = std::move(channel),
         .expires_at = EpochSeconds(clock_.Now()) + std::chrono::floor<seconds>(valid_for).count()},
        security::KeySet::ForTest("play-1", kPlaySecret));
  }
  std::int64_t NowPeriod() { return kPeriods.At(clock_.Now()); }
  std::string KeyUrl(std::int64_t period, std::string channel = "ch-7") {
    return "/key/" + channel + "/" + std::to_string(period);
  }
  http::ClientResponse GetKey(std::int64_t period, const std::string& token) {
    return drm_->Send({.url = KeyUrl(period), .headers = {{"X-Play-Token", token}}});
  }
  http::ClientResponse AskAsPackager(std::string url, std::string secret = "packager secret") {
    return drm_->Send({.url = std::move(url), .headers = {{"Authorization", "Bearer " + secret}}});
  }

  test::FakeClock clock_;
  test::TempDir dir_;
  PlayKeys play_keys_{dir_.path()};
  std::vector<StoredEpoch> epochs_;
  std::unique_ptr<Instance> drm_;
};

TEST_F(KeyHttpTest, APlayTokenGetsTheKeyOfItsChannel) {
  const http::ClientResponse key = GetKey(NowPeriod(), Token("ch-7"));
  EXPECT_EQ(key.status, 200);
  EXPECT_EQ(key.body, ContentKey(drm_->keeper.ring()->epochs()[1], ChannelId("ch-7"), NowPeriod()));
  EXPECT_EQ(key.body.size(), 16u);
  EXPECT_EQ(key.Header("Content-Type"), "application/octet-stream");
  EXPECT_EQ(key.Header("Cache-Control"), "private");
  EXPECT_THAT(drm_->Scrape(), HasSubstr("holdfast_drm_keys_delivered_total 1"));
}

TEST_F(KeyHttpTest, TheTokenMayStandInTheQueryOrInAuthorization) {
  const std::string token = Token("ch-7");
  EXPECT_EQ(drm_->Send({.url = KeyUrl(NowPeriod()) + "?token=" + token}).status, 200);
  EXPECT_EQ(
      drm_->Send({.url = KeyUrl(NowPeriod()), .headers = {{"Authorization", "Bearer " + token}}})
          .status,
      200);
}

TEST_F(KeyHttpTest, EveryInstanceGivesTheSameKeyAndThePackagerGotItToo) {
  test::TempDir other_dir;
  Instance other(clock_, other_dir.path(), play_keys_);
  ASSERT_THAT(other.keeper.Take(epochs_), IsOk());
  for (const std::int64_t back : {0, 1, 100, 200}) {
    const std::int64_t period = NowPeriod() - back;
    const http::ClientResponse key = GetKey(period, Token("ch-7"));
    ASSERT_EQ(key.status, 200);
    EXPECT_EQ(
        other.Send({.url = KeyUrl(period), .headers = {{"X-Play-Token", Token("ch-7")}}}).body,
        key.body);
    const http::ClientResponse packager = AskAsPackager(
        "/packager/key/ch-7?at=" + std::to_string(EpochSeconds(kPeriods.StartOf(period))));
    EXPECT_THAT(packager.body, HasSubstr("\"key\":\"" + ToHex(key.body) + "\""));
  }
}

TEST_F(KeyHttpTest, OtherTokensGetNothing) {
  const std::string good = Token("ch-7");
  std::string forged = good;
  forged.back() = forged.back() == 'A' ? 'B' : 'A';
  const std::string foreign = security::SignPlayToken(
      {.channel_id = "ch-7", .expires_at = EpochSeconds(clock_.Now()) + 300},
      security::KeySet::ForTest("play-1", std::string(32, 'x')));
  for (const std::string& token :
       {std::string(), std::string("-"), forged, foreign, Token("ch-70"), Token("ch-7", seconds(0)),
        good.substr(1), good + "A", std::string(8000, 'A')}) {
    const http::ClientResponse answer = GetKey(NowPeriod(), token);
    EXPECT_EQ(answer.status, 403) << token;
    EXPECT_EQ(answer.Header("Cache-Control"), "no-store");
  }
  EXPECT_THAT(drm_->Scrape(), HasSubstr("holdfast_drm_refused_total{reason=\"channel\"} 1"));
  EXPECT_THAT(drm_->Scrape(), HasSubstr("holdfast_drm_refused_total{reason=\"token\"} 8"));
  EXPECT_THAT(drm_->Scrape(), HasSubstr("holdfast_drm_keys_delivered_total 0"));
}

TEST_F(KeyHttpTest, ATokenStopsWorkingWhenItExpires) {
  const std::string token = Token("ch-7", minutes(5));
  EXPECT_EQ(GetKey(NowPeriod(), token).status, 200);
  clock_.Advance(minutes(5));
  EXPECT_EQ(GetKey(NowPeriod(), token).status, 403);
}

TEST_F(KeyHttpTest, PeriodsOutsideOfTheWindowAreNotFound) {
  const std::string token = Token("ch-7");
  EXPECT_EQ(GetKey(NowPeriod() + 1, token).status, 200);
  EXPECT_EQ(GetKey(NowPeriod() + 2, token).status, 404);
  EXPECT_EQ(GetKey(NowPeriod() - 6 * 24 * 2, token).status, 200);
  EXPECT_EQ(GetKey(NowPeriod() - 6 * 24 * 2 - 1, token).status, 404) << "before the first epoch";
  EXPECT_EQ(GetKey(NowPeriod() - 6 * 24 * 8 - 1, token).status, 404);
}

TEST_F(KeyHttpTest, HostileAddressesAreNotFound) {
  const Headers token = {{"X-Play-Token", Token("ch-7")}};
  const std::string period = std::to_string(NowPeriod());
  for (const std::string& url :
       {"/key/ch-7/" + period + "0000000000000000", std::string("/key/ch-7/-1"),
        std::string("/key/ch-7/9223372036854775807"), std::string("/key/ch-7/1e3"),
        std::string("/key/ch-7/"), "/key//" + period, "/key/ch%007/" + period,
        "/key/ch%2F7/" + period, "/key/kid%7Cch-7/" + period, "/key/ch-7/%20" + period,
        "/key/" + std::string(300, 'c') + "/" + period, "/key/ch-7/" + period + "/x"}) {
    EXPECT_EQ(drm_->Send({.url = url, .headers = token}).status, 404) << url;
  }
}

TEST_F(KeyHttpTest, BrowsersAreAnsweredWithTheirOwnOrigin) {
  const Headers headers = {{"X-Play-Token", Token("ch-7")}, {"Origin", "https://tv.example"}};
  for (const std::int64_t period : {NowPeriod(), NowPeriod() + 9}) {
    const auto answer = drm_->Send({.url = KeyUrl(period), .headers = headers});
    EXPECT_EQ(answer.Header("Access-Control-Allow-Origin"), "https://tv.example");
    EXPECT_EQ(answer.Header("Access-Control-Allow-Credentials"), "true");
    EXPECT_EQ(answer.Header("Vary"), "Origin");
  }
  const auto preflight =
      drm_->Send({.method = "OPTIONS", .url = KeyUrl(NowPeriod()), .headers = headers});
  EXPECT_EQ(preflight.status, 204);
  EXPECT_THAT(std::string(preflight.Header("Access-Control-Allow-Headers")),
              HasSubstr("X-Play-Token"));
  EXPECT_EQ(GetKey(NowPeriod(), Token("ch-7")).Header("Access-Control-Allow-Origin"), "");
}

TEST_F(KeyHttpTest, ARotatedPlayKeyIsTakenWithoutARestart) {
  const auto sign = [&](std::string_view id, std::string_view secret) {
    return security::SignPlayToken(
        {.channel_id = "ch-7", .expires_at = EpochSeconds(clock_.Now()) + 300},
        security::KeySet::ForTest(id, secret));
  };
  const std::string secret(32, 'n');
  EXPECT_EQ(GetKey(NowPeriod(), sign("play-2", secret)).status, 403);
  std::ofstream(dir_.File("play-2.key")) << ToHex(secret);
  ASSERT_THAT(play_keys_.Reload(), IsOk());
  EXPECT_EQ(GetKey(NowPeriod(), sign("play-2", secret)).status, 200);
  EXPECT_EQ(GetKey(NowPeriod(), Token("ch-7")).status, 200);

  std::ofstream(dir_.File("play-3.key")) << "half of a k";
  EXPECT_FALSE(play_keys_.Reload().ok());
  EXPECT_EQ(GetKey(NowPeriod(), Token("ch-7")).status, 200) << "the last good keys stay";
}

TEST_F(KeyHttpTest, ThePackagerGetsTheKeyWithItsPeriod) {
  const http::ClientResponse answer = AskAsPackager("/packager/key/ch-7");
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(
      answer.body,
      HasSubstr("\"channel\":\"ch-7\",\"period\":" + std::to_string(NowPeriod()) + ",\"key\":\""));
  EXPECT_THAT(answer.body, HasSubstr("\"iv\":\"" + IvHex(NowPeriod()) + "\""));
  EXPECT_THAT(answer.body,
              HasSubstr("\"valid_until\":" + std::to_string((NowPeriod() + 1) * 600) + "}"));
}

TEST_F(KeyHttpTest, NobodyElseIsAPackager) {
  EXPECT_EQ(AskAsPackager("/packager/key/ch-7", "guess").status, 403);
  EXPECT_EQ(AskAsPackager("/packager/key/ch-7", "").status, 403);
  EXPECT_EQ(AskAsPackager("/packager/key/ch-7", "packager secrets").status, 403);
  EXPECT_EQ(drm_->Send({.url = "/packager/key/ch-7"}).status, 403);
  EXPECT_EQ(AskAsPackager("/packager/key/ch-7", Token("ch-7")).status, 403);
  EXPECT_EQ(AskAsPackager("/packager/key/ch-7?at=soon").status, 400);
  EXPECT_EQ(AskAsPackager("/packager/key/ch-7?at=9999999999999").status, 404);
}

TEST_F(KeyHttpTest, WhileNoEpochsAreLoadedARequestIsHeldAndThenAnswered) {
  test::TempDir empty;
  Instance starting(clock_, empty.path(), play_keys_);
  http::ClientResponse key;
  std::thread player([&] {
    key = starting.Send({.url = KeyUrl(NowPeriod()), .headers = {{"X-Play-Token", Token("ch-7")}}});
  });
  ASSERT_THAT(starting.keeper.Take(epochs_), IsOk());
  player.join();
  EXPECT_EQ(key.status, 200);
}

TEST_F(KeyHttpTest, WithoutAnyEpochsTheAnswerIsAReasonAndSoonerForWhoMayNotHaveTheKey) {
  test::TempDir empty;
  Instance starting(clock_, empty.path(), play_keys_);
  EXPECT_EQ(starting.Send({.url = KeyUrl(NowPeriod())}).status, 403);
  const http::ClientResponse answer =
      starting.Send({.url = KeyUrl(NowPeriod()), .headers = {{"X-Play-Token", Token("ch-7")}}});
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.Header("Retry-After"), "1");
  EXPECT_THAT(starting.Scrape(), HasSubstr("holdfast_drm_refused_total{reason=\"not_loaded\"} 1"));
}

TEST_F(KeyHttpTest, AClearKeyLicenceHoldsTheKeysOfTheTokensChannelOnly) {
  const Epoch& epoch = drm_->keeper.ring()->epochs()[1];
  const auto kid = [&](std::string channel, std::int64_t period) {
    return ToBase64Url(ContentKeyId(epoch, ChannelId(std::move(channel)), period));
  };
  const std::string body = R"({"kids":[")" + kid("ch-7", NowPeriod()) + R"(",")" +
                           kid("ch-7", NowPeriod() - 3) + R"(",")" + kid("ch-8", NowPeriod()) +
                           R"("],"type":"temporary"})";
  const auto ask = [&](std::string token) {
    return drm_->Send({.method = "POST",
                       .url = "/clearkey",
                       .headers = {{"Authorization", "Bearer " + token}},
                       .body = body});
  };
  const http::ClientResponse licence = ask(Token("ch-7"));
  EXPECT_EQ(licence.status, 200);
  for (const std::int64_t period : {NowPeriod(), NowPeriod() - 3}) {
    const std::string key = ToBase64Url(ContentKey(epoch, ChannelId("ch-7"), period));
    EXPECT_THAT(licence.body, HasSubstr(R"("kid":")" + kid("ch-7", period) + R"(","k":")" + key));
  }
  EXPECT_EQ(licence.body.find(kid("ch-8", NowPeriod())), std::string::npos);
  EXPECT_EQ(ask(Token("ch-9")).status, 404);
  EXPECT_EQ(ask("nonsense").status, 403);
  EXPECT_EQ(drm_->Send({.method = "POST",
                        .url = "/clearkey",
                        .headers = {{"X-Play-Token", Token("ch-7")}},
                        .body = "[]"})
                .status,
            400);
}

}  // namespace
}  // namespace holdfast::drm
