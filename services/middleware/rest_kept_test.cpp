// REST v1: what viewers keep. Late arrivals, pages, idempotency keys through two instances, limits,
// and what an answer says when the database is away.
#include <gmock/gmock.h>

#include <tuple>

#include "libs/testing/eventually.h"
#include "services/middleware/rest_fixture_test.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using Headers = AppsFixture::Headers;

std::string Seen(const std::string& content, const std::string& more = "") {
  return R"({"what":"film","content_id":")" + content + R"(","started_at":"2026-01-02T08:00:00Z")" +
         more + "}";
}
std::string Point(int seconds, const std::string& more = "") {
  return R"({"position_seconds":)" + std::to_string(seconds) + more + "}";
}
std::string At(const std::string& time, const std::string& more = "") {
  return R"(,"at":")" + time + "\"" + more;
}

class RestKeptTest : public RestFixture {
 protected:
  void SetUp() override {
    RestFixture::SetUp();
    ada_ = TokenOf("ada");
  }
  // As the job that follows the database does.
  void TearDown() override {
    if (away_) server_.Restart();
  }
  void DatabaseGoesAway() {
    away_ = true;
    server_.Kill();
    EXPECT_FALSE(app_.box().RunJob("follow_database").ok());
  }
  void DatabaseReturns() {
    server_.Restart();
    away_ = false;
    // The job also follows a lineup that the fixture does not have from there.
    EXPECT_TRUE(test::Eventually([&] {
      app_.box().RunJob("follow_database").IgnoreError();
      return As(ada_, "GET", "/v1/resume-points").degraded.empty();
    }));
  }
  Json ListAll(const std::string& target) {
    Json all = Json::array();
    std::string cursor;
    for (int pages = 0; pages < 1000; ++pages) {
      const AppAnswer answer = As(ada_, "GET", target + "&cursor=" + cursor);
      EXPECT_EQ(answer.status, 200) << answer.body;
      const Json page = answer.AsJson();
      for (const Json& item : page["items"]) all.push_back(item);
      if (page["next_cursor"].is_null()) return all;
      cursor = page["next_cursor"];
    }
    ADD_FAILURE() << "no end of " << target;
    return all;
  }
  int PositionOfFilm5() {
    return As(ada_, "GET", "/v1/resume-points").AsJson()["items"][0]["position_seconds"];
  }

  std::string ada_;
  bool away_ = false;
};

TEST_F(RestKeptTest, AResumePointThatComesLateIsAnsweredWithTheOneThatIsKept) {
  const std::string target = "/v1/resume-points/5";
  EXPECT_EQ(As(ada_, "PUT", target, Point(600, At("2026-01-02T09:30:00Z"))).status, 200);
  const AppAnswer late = As(ada_, "PUT", target, Point(90, At("2026-01-02T10:29:59.999+01:00")));
  EXPECT_EQ(late.status, 200) << late.body;
  EXPECT_EQ(late.AsJson()["position_seconds"], 600);
  EXPECT_EQ(PositionOfFilm5(), 600);
  EXPECT_EQ(As(ada_, "PUT", target, Point(700, At("2026-01-02T09:30:00Z", ",\"sequence\":1")))
                .AsJson()["position_seconds"],
            700);
  // Without a time it is now.
  EXPECT_EQ(As(ada_, "PUT", target, Point(20)).AsJson()["position_seconds"], 20);
}

TEST_F(RestKeptTest, TheSameWithTheDatabaseAwayAndMarked) {
  const std::string target = "/v1/resume-points/5";
  EXPECT_EQ(As(ada_, "PUT", target, Point(600, At("2026-01-02T09:30:00Z"))).degraded, "");
  EXPECT_EQ(PositionOfFilm5(), 600);
  DatabaseGoesAway();
  const AppAnswer late = As(ada_, "PUT", target, Point(90, At("2026-01-02T09:29:00Z")));
  EXPECT_EQ(late.status, 200) << late.body;
  EXPECT_EQ(late.AsJson()["position_seconds"], 600);
  EXPECT_THAT(late.degraded, HasSubstr("postgres"));
  const AppAnswer newer = As(ada_, "PUT", target, Point(900, At("2026-01-02T09:31:00Z")));
  EXPECT_EQ(newer.AsJson()["position_seconds"], 900);
  EXPECT_THAT(newer.degraded, HasSubstr("postgres"));
  EXPECT_EQ(PositionOfFilm5(), 900);
  for (const auto& [method, path, body] :
       {std::tuple("POST", "/v1/history", Seen("5")),
        std::tuple("POST", "/v1/profiles", std::string(R"({"name":"Kim"})")),
        std::tuple("PUT", "/v1/favourites", std::string(R"({"channels":["1"]})"))}) {
    const AppAnswer answer = As(ada_, method, path, body);
    EXPECT_LT(answer.status, 300) << path << answer.body;
    EXPECT_THAT(answer.degraded, HasSubstr("postgres")) << path;
  }
  DatabaseReturns();
  EXPECT_THAT(app_.box().RunJob("viewer_items"), test::IsOk());
  EXPECT_EQ(PositionOfFilm5(), 900);
  EXPECT_EQ(As(ada_, "PUT", target, Point(5)).degraded, "");
}

TEST_F(RestKeptTest, ATimeThatIsNoneNamesItsField) {
  for (const char* wrong :
       {R"(,"at":"yesterday")", R"(,"at":7)", R"(,"at":"infinite-future")", R"(,"at":"")",
        R"(,"at":"2026-01-02T10:02:01Z")", R"(,"at":"1969-12-31T23:59:59Z")",
        R"(,"at":"2026-01-02T09:00:00")", R"(,"at":"99999-01-01T00:00:00Z")"}) {
    for (const auto& [method, path, body] :
         {std::tuple("PUT", "/v1/resume-points/5", Point(1, wrong)),
          std::tuple("POST", "/v1/history", Seen("5", wrong))}) {
      const AppAnswer answer = As(ada_, method, path, body);
      EXPECT_EQ(answer.status, 400) << body;
      EXPECT_EQ(answer.AsJson()["errors"][0]["field"], "at") << body;
    }
  }
  for (const char* wrong : {R"(,"sequence":1)", R"(,"at":"2026-01-02T09:00:00Z","sequence":-1)",
                            R"(,"at":"2026-01-02T09:00:00Z","sequence":"1")"}) {
    const AppAnswer answer = As(ada_, "PUT", "/v1/resume-points/5", Point(1, wrong));
    EXPECT_EQ(answer.AsJson()["errors"][0]["field"], "sequence") << wrong;
  }
  EXPECT_EQ(As(ada_, "PUT", "/v1/resume-points/5", Point(1, At("2026-01-02T10:01:59Z"))).status,
            200);
}

TEST_F(RestKeptTest, PagesOfWhatIsKeptJoinToTheWholeLists) {
  HaveCatalogue();
  for (int i = 0; i < 230; ++i) {
    app_.box().clock().Advance(1s);
    ASSERT_EQ(As(ada_, "POST", "/v1/history", Seen(std::to_string(i))).status, 200);
  }
  const Json history = ListAll("/v1/history?limit=40");
  ASSERT_EQ(history.size(), 230u);  // beyond what instances hold in memory
  for (std::size_t i = 0; i < 230; ++i) {
    EXPECT_EQ(history[i]["content_id"], std::to_string(229 - i));
  }

  for (int i = 0; i < 7; ++i) {
    ASSERT_EQ(As(ada_, "PUT", "/v1/resume-points/" + std::to_string(i), Point(i)).status, 200);
  }
  EXPECT_EQ(ListAll("/v1/resume-points?limit=2"),
            As(ada_, "GET", "/v1/resume-points").AsJson()["items"]);
  EXPECT_EQ(ListAll("/v1/resume-points?limit=2").size(), 7u);

  for (const char* film : {"5", "6", "8"}) {
    ASSERT_EQ(As(ada_, "PUT", std::string("/v1/films/favourites/") + film).status, 204);
  }
  EXPECT_EQ(ListAll("/v1/films/favourites?limit=1"),
            As(ada_, "GET", "/v1/films/favourites").AsJson()["items"]);
  EXPECT_EQ(ListAll("/v1/films/favourites?limit=1").size(), 3u);

  const std::int64_t soon = kNowSeconds + 1800;
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(As(ada_, "PUT", "/v1/reminders/1_" + std::to_string(soon + i * 3600),
                 R"({"remind_at":"2026-01-02T10:20:00Z"})")
                  .status,
              200);
  }
  EXPECT_EQ(ListAll("/v1/reminders?limit=2"), As(ada_, "GET", "/v1/reminders").AsJson()["items"]);
  EXPECT_EQ(ListAll("/v1/reminders?limit=2").size(), 5u);  // all at one time
}

TEST_F(RestKeptTest, APageBeginsBehindItsPredecessorAlsoWhenItsLastItemIsGone) {
  HaveCatalogue();
  for (const char* film : {"5", "6", "8"}) {
    app_.box().clock().Advance(1s);
    ASSERT_EQ(As(ada_, "PUT", std::string("/v1/films/favourites/") + film).status, 204);
  }
  const Json first = As(ada_, "GET", "/v1/films/favourites?limit=1").AsJson();
  EXPECT_EQ(first["items"][0]["id"], "8");
  ASSERT_EQ(As(ada_, "DELETE", "/v1/films/favourites/8").status, 204);
  const Json second =
      As(ada_, "GET",
         "/v1/films/favourites?limit=1&cursor=" + first["next_cursor"].get<std::string>())
          .AsJson();
  EXPECT_EQ(second["items"][0]["id"], "6");
}

TEST_F(RestKeptTest, CursorsAndLimitsOfOthersAreRefused) {
  for (const char* path : {"/v1/history", "/v1/resume-points", "/v1/reminders"}) {
    for (const char* wrong : {"?cursor=!", "?cursor=bm9uZQ", "?cursor=MSw", "?cursor=LDE",
                              "?cursor=MSwgIA", "?limit=0", "?limit=x", "?limit=100000"}) {
      EXPECT_EQ(As(ada_, "GET", std::string(path) + wrong).status, 400) << path << wrong;
    }
  }
}

TEST_F(RestKeptTest, AKeyIsAnsweredAsBeforeThroughWhicheverInstance) {
  AppsFixture other({.postgres = options_});
  other.box().HaveEverything();
  const auto send = [&](AppsFixture& app, const char* method, const char* path,
                        const std::string& body, const char* key) {
    return app.Send(method, path, {{"Authorization", "Bearer " + ada_}, {"Idempotency-Key", key}},
                    body);
  };
  struct Request {
    const char *method, *path;
    std::string body, another;
  };
  int number = 0;
  for (const Request& r :
       {Request{"POST", "/v1/history", Seen("5"), Seen("6")},
        Request{"POST", "/v1/profiles", R"({"name":"Kim"})", R"({"name":"Lee"})"},
        Request{"PUT", "/v1/favourites", R"({"channels":["1"]})", R"({"channels":["2"]})"}}) {
    const std::string key = "k-" + std::to_string(++number);
    const AppAnswer first = send(app_, r.method, r.path, r.body, key.c_str());
    ASSERT_LT(first.status, 300) << first.body;
    app_.box().clock().Advance(1h);
    other.box().clock().Advance(1h);
    for (AppsFixture* app : {&app_, &other}) {
      const AppAnswer again = send(*app, r.method, r.path, r.body, key.c_str());
      EXPECT_EQ(again.status, first.status);
      EXPECT_EQ(again.body, first.body);
      const AppAnswer misused = send(*app, r.method, r.path, r.another, key.c_str());
      EXPECT_EQ(misused.status, 409) << r.path;
      EXPECT_EQ(misused.AsJson()["errors"][0]["field"], "Idempotency-Key");
    }
    // Another path or person makes it another request.
    EXPECT_EQ(send(other, "POST", number == 1 ? "/v1/profiles" : "/v1/history", r.body, key.c_str())
                  .status,
              409);
  }
  EXPECT_EQ(As(ada_, "GET", "/v1/history").AsJson()["items"].size(), 1u);
  EXPECT_EQ(As(ada_, "GET", "/v1/profiles").AsJson()["items"].size(), 1u);
}

TEST_F(RestKeptTest, KeysOfOneDeviceAreNotThoseOfAnother) {
  const std::string tablet = TokenOf("ada", "tablet"), bob = TokenOf("bob");
  const Headers key = {{"Idempotency-Key", "same"}};
  EXPECT_EQ(As(ada_, "POST", "/v1/history", Seen("1"), key).status, 200);
  EXPECT_EQ(As(tablet, "POST", "/v1/history", Seen("2"), key).status, 200);
  EXPECT_EQ(As(bob, "POST", "/v1/history", Seen("3"), key).status, 200);
  EXPECT_EQ(As(ada_, "GET", "/v1/history").AsJson()["items"].size(), 2u);
}

TEST_F(RestKeptTest, AProblemIsAProblemTheSecondTimeToo) {
  const Headers key = {{"Idempotency-Key", "wrong"}};
  const AppAnswer first = As(ada_, "POST", "/v1/history", "{}", key);
  const AppAnswer again = As(ada_, "POST", "/v1/history", "{}", key);
  EXPECT_EQ(first.status, 400);
  EXPECT_EQ(again.status, 400);
  EXPECT_EQ(again.content_type, "application/problem+json");
  EXPECT_EQ(again.body, first.body);
  for (const std::string& bad : {std::string(201, 'k'), std::string("two words")}) {
    EXPECT_EQ(As(ada_, "POST", "/v1/history", Seen("1"), {{"Idempotency-Key", bad}}).status, 400);
  }
}

TEST_F(RestKeptTest, WithTheDatabaseAwayAnInstanceRemembersByItselfAndCountsOnce) {
  const Headers key = {{"Idempotency-Key", "in-the-outage"}};
  DatabaseGoesAway();
  const AppAnswer first = As(ada_, "POST", "/v1/history", Seen("5"), key);
  ASSERT_EQ(first.status, 200) << first.body;
  EXPECT_EQ(As(ada_, "POST", "/v1/history", Seen("5"), key).body, first.body);
  EXPECT_EQ(As(ada_, "POST", "/v1/history", Seen("6"), key).status, 409);
  DatabaseReturns();
  EXPECT_THAT(app_.box().RunJob("viewer_items"), test::IsOk());
  EXPECT_EQ(As(ada_, "POST", "/v1/history", Seen("6"), key).status, 409);
  EXPECT_EQ(As(ada_, "POST", "/v1/history", Seen("5"), key).body, first.body);
  // The other instance knows nothing of it: done again, it is still one.
  AppsFixture other({.postgres = options_});
  other.box().HaveEverything();
  const AppAnswer there = other.Send(
      "POST", "/v1/history",
      {{"Authorization", "Bearer " + ada_}, {"Idempotency-Key", "in-the-outage"}}, Seen("5"));
  EXPECT_EQ(there.AsJson()["id"], first.AsJson()["id"]);
  EXPECT_EQ(As(ada_, "GET", "/v1/history").AsJson()["items"].size(), 1u);
}

TEST_F(RestKeptTest, WhoKeepsAsMuchAsMayBeIsToldSo) {
  HaveResumePoints(kMaxViewerItems);
  const AppAnswer more = As(ada_, "PUT", "/v1/resume-points/999999", Point(1));
  EXPECT_EQ(more.status, 409) << more.body;
  EXPECT_THAT(more.body, HasSubstr("too-much-kept"));
  EXPECT_EQ(As(ada_, "PUT", "/v1/resume-points/1", Point(1)).status, 200);
  EXPECT_EQ(As(ada_, "POST", "/v1/history", Seen("1")).status, 200);
  EXPECT_EQ(ListAll("/v1/resume-points?limit=1000").size(), kMaxViewerItems);
}

}  // namespace
}  // namespace holdfast::middleware
