// What clients of REST v1 rely on beyond its document (rest_document_test.cpp), and who may see
// what.
#include <gmock/gmock.h>

#include "services/middleware/rest_fixture_test.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;
using billing::v1::Entitlement;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

using RestContractTest = RestFixture;

TEST_F(RestContractTest, PagesJoinToTheWholeList) {
  const std::string token = TokenOf("bob");
  const Json whole = As(token, "GET", "/v1/channels").AsJson();
  ASSERT_EQ(whole["items"].size(), 3u);
  EXPECT_TRUE(whole["next_cursor"].is_null());
  Json joined = Json::array();
  std::string cursor;
  for (int pages = 0; pages < 5; ++pages) {
    const Json page = As(token, "GET", "/v1/channels?limit=1&cursor=" + cursor).AsJson();
    for (const Json& item : page["items"]) joined.push_back(item);
    if (page["next_cursor"].is_null()) break;
    cursor = page["next_cursor"];
  }
  EXPECT_EQ(joined, whole["items"]);
}

TEST_F(RestContractTest, ASearchFindsInEitherCaseAndPagesByTime) {
  const std::string token = TokenOf("ada");
  const Json first = As(token, "GET", "/v1/guide/search?q=sHOw&limit=30").AsJson();
  ASSERT_EQ(first["items"].size(), 30u);
  const Json second =
      As(token, "GET",
         "/v1/guide/search?q=show&limit=30&cursor=" + first["next_cursor"].get<std::string>())
          .AsJson();
  EXPECT_EQ(second["items"].size(), 3u);
  EXPECT_GT(second["items"][0]["programme"]["start"], first["items"][29]["programme"]["start"]);
  EXPECT_EQ(As(token, "GET", "/v1/guide/search?q=nothing").AsJson()["items"].size(), 0u);
}

TEST_F(RestContractTest, FavouritesAreKeptAndARepeatedKeyIsAnsweredAsBefore) {
  const std::string token = TokenOf("ada");
  const AppsFixture::Headers key = {{"Idempotency-Key", "k-1"}};
  const std::string body = R"({"channels":["2","1","2"]})";
  const AppAnswer first = As(token, "PUT", "/v1/favourites", body, key);
  EXPECT_EQ(first.AsJson()["channels"], Json({"2", "1"}));
  app_.box().clock().Advance(1s);
  EXPECT_EQ(As(token, "PUT", "/v1/favourites", R"({"channels":["1"]})").status, 200);
  EXPECT_EQ(As(token, "PUT", "/v1/favourites", body, key).body, first.body);
  EXPECT_EQ(As(token, "GET", "/v1/favourites").AsJson()["channels"], Json({"1"}));
}

TEST_F(RestContractTest, ADeviceThatLogsInAgainIsTheSameDevice) {
  const auto device_of = [&](const std::string& device) {
    return app_.Send("POST", "/v1/login", {}, LoginBody("ada", "pa", device))
        .AsJson()["device_id"]
        .get<std::string>();
  };
  EXPECT_EQ(device_of("phone"), device_of("phone"));
  EXPECT_NE(device_of("phone"), device_of("tablet"));
}

TEST_F(RestContractTest, NoEndpointShowsOneAccountWhatIsAnothers) {
  const std::string ada = TokenOf("ada"), bob = TokenOf("bob");
  EXPECT_EQ(As(bob, "PUT", "/v1/favourites", R"({"channels":["3"]})").status, 200);
  for (const char* target :
       {"/v1/profile", "/v1/genres", "/v1/channels", "/v1/guide", "/v1/guide?channels=3",
        "/v1/guide/search?q=show", "/v1/channels/3/link",
        "/v1/channels/3/catch-up?start=1767342600&duration=60", "/v1/favourites",
        "/v1/resume-points", "/v1/history", "/v1/message"}) {
    const AppAnswer his = As(bob, "GET", target);
    const AppAnswer hers = As(ada, "GET", target);
    EXPECT_THAT(hers.body, Not(HasSubstr("acc-2"))) << target;
    EXPECT_THAT(hers.body, Not(HasSubstr("port 1"))) << target;
    EXPECT_THAT(hers.body, Not(HasSubstr("\"3\""))) << target;
    EXPECT_THAT(his.body, Not(HasSubstr("acc-1"))) << target;
    // What one has cached is not current for the other, unless it is the same.
    const AppAnswer theirs = As(ada, "GET", target, "", {{"If-None-Match", his.etag}});
    if (his.body != hers.body && !his.etag.empty()) {
      EXPECT_EQ(theirs.status, hers.status) << target;
    }
  }
  EXPECT_EQ(As(bob, "GET", "/v1/channels/3/link").status, 200);
}

TEST_F(RestContractTest, ATokenEndsWithItsSessionItsDeviceAndItsAccount) {
  const std::string token = TokenOf("ada");
  EXPECT_EQ(As(token, "POST", "/v1/logout").status, 204);
  EXPECT_EQ(As(token, "GET", "/v1/profile").status, 401);

  const std::string other = TokenOf("bob");
  EXPECT_EQ(As(other, "GET", "/v1/profile").status, 200);
  app_.box().HaveEntitlement("acc-2", {}, Entitlement::STATUS_SUSPENDED);
  EXPECT_EQ(As(other, "GET", "/v1/profile").AsJson()["account"]["status"], "suspended");
  EXPECT_EQ(As(other, "GET", "/v1/channels").AsJson()["items"].size(), 0u);
  EXPECT_EQ(As(other, "GET", "/v1/channels/1/link").status, 403);
  app_.box().HaveEntitlement("acc-2", {}, Entitlement::STATUS_CLOSED);
  EXPECT_EQ(As(other, "GET", "/v1/profile").status, 401);
}

TEST_F(RestContractTest, AnInstanceThatKnowsNothingHonoursATokenWithEverythingAway) {
  const std::string token = TokenOf("ada");
  AppsFixture other;
  other.box().HaveUsualLineup();
  other.box().HaveEdges();
  const AppAnswer link = other.Get("/v1/channels/1/link", {{"Authorization", "Bearer " + token}});
  EXPECT_EQ(link.status, 200) << link.body;
  EXPECT_THAT(link.AsJson()["url"].get<std::string>(), StartsWith("http://edge-"));
}

TEST_F(RestContractTest, NonsenseIsAProblemNotAFault) {
  const std::string token = TokenOf("ada");
  for (const char* target :
       {"/v1/channels?limit=0", "/v1/channels?limit=1001", "/v1/channels?limit=x",
        "/v1/channels?cursor=%00", "/v1/channels?cursor=LTEsLTEsLTE", "/v1/guide?limit=101",
        "/v1/guide?from=x", "/v1/guide?from=0&to=99999999999", "/v1/guide/search",
        "/v1/guide/search?q=ab&cursor=!", "/v1/channels/1/catch-up?start=-1&duration=60",
        "/v1/channels/1/catch-up?start=1767342600&duration=86401"}) {
    const AppAnswer answer = As(token, "GET", target);
    EXPECT_EQ(answer.status, 400) << target;
    EXPECT_EQ(answer.content_type, "application/problem+json");
    EXPECT_THAT(answer.AsJson()["type"].get<std::string>(), StartsWith("urn:holdfast:problem:"));
  }
  for (const char* target : {"/v1/channels/x/link", "/v1/channels/-1/link", "/v1/channels/0/link",
                             "/v1/channels/99999999999999999999/link"}) {
    EXPECT_EQ(As(token, "GET", target).status, 404) << target;
  }
  const std::string deep(100'000, '[');
  EXPECT_EQ(As(token, "PUT", "/v1/favourites", deep).status, 400);
  EXPECT_EQ(app_.Send("POST", "/v1/login", {}, deep).status, 400);
}

}  // namespace
}  // namespace holdfast::middleware
