// REST v1: one account cannot read or change what is another's, through any endpoint; and nothing
// that a stranger sends does harm.
#include <gmock/gmock.h>

#include <random>

#include "services/middleware/rest_fixture_test.h"

namespace holdfast::middleware {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// A secret of ada's that stands in everything she owns and must stand in no answer to bob.
constexpr const char* kSecret = "adas-secret";

class RestSecurityTest : public RestFixture {
 protected:
  void SetUp() override {
    RestFixture::SetUp();
    HaveCatalogue();
    ada_ = TokenOf("ada");
    bob_ = TokenOf("bob");
  }
  AppAnswer Ada(const std::string& method, const std::string& target, const std::string& body = "",
                AppsFixture::Headers headers = {}) {
    const AppAnswer answer = As(ada_, method, target, body, std::move(headers));
    EXPECT_LT(answer.status, 300) << method << " " << target << ": " << answer.body;
    return answer;
  }
  AppAnswer Bob(const std::string& method, const std::string& target, const std::string& body = "",
                AppsFixture::Headers headers = {}) {
    return As(bob_, method, target, body, std::move(headers));
  }
  // What bob sees at `target`, by his own right.
  std::size_t ItemsOfBob(const std::string& target) {
    const AppAnswer answer = Bob("GET", target);
    EXPECT_EQ(answer.status, 200) << target << ": " << answer.body;
    return answer.AsJson()["items"].size();
  }
  std::string ada_, bob_;
};

TEST_F(RestSecurityTest, LoginGivesEachAccountItsOwnToken) {
  EXPECT_THAT(As(ada_, "GET", "/v1/profile").body, HasSubstr("\"acc-1\""));
  EXPECT_THAT(As(bob_, "GET", "/v1/profile").body, HasSubstr("\"acc-2\""));
  EXPECT_THAT(Bob("GET", "/v1/profile").body, Not(HasSubstr("acc-1")));
}

TEST_F(RestSecurityTest, LogoutEndsOnlyOnesOwnSession) {
  EXPECT_EQ(Bob("POST", "/v1/logout").status, 204);
  EXPECT_EQ(As(ada_, "GET", "/v1/profile").status, 200);
}

TEST_F(RestSecurityTest, ATokenWhoseTextIsChangedOpensNothing) {
  for (std::size_t at = 0; at + 1 < ada_.size(); at += 7) {
    std::string forged = ada_;
    forged[at] = forged[at] == 'A' ? 'B' : 'A';
    EXPECT_EQ(As(forged, "GET", "/v1/profile").status, 401) << at;
  }
}

TEST_F(RestSecurityTest, GenresChannelsGuideSearchAndLinksFollowOnesOwnPackages) {
  // Bob has "sport", Ada has not.
  for (const char* target : {"/v1/genres", "/v1/channels", "/v1/guide", "/v1/guide?channels=3"}) {
    EXPECT_THAT(As(ada_, "GET", target).body, Not(HasSubstr("port"))) << target;
    EXPECT_THAT(As(ada_, "GET", target).body, Not(HasSubstr("\"3\""))) << target;
    EXPECT_THAT(Bob("GET", target).body, HasSubstr("\"3\"")) << target;
  }
  EXPECT_THAT(As(ada_, "GET", "/v1/guide/search?q=show").body, Not(HasSubstr("\"3\"")));
  for (const char* target :
       {"/v1/channels/3/link", "/v1/channels/3/catch-up?start=1767342600&duration=60"}) {
    EXPECT_EQ(As(ada_, "GET", target).status, 403) << target;
  }
  EXPECT_EQ(Bob("GET", "/v1/channels/3/link").status, 200);
}

TEST_F(RestSecurityTest, FilmsAndTheirLinksFollowOnesOwnPackages) {
  for (const char* target : {"/v1/films/7", "/v1/films/files/70/link"}) {
    EXPECT_EQ(As(ada_, "GET", target).status, 404) << target;
    EXPECT_EQ(Bob("GET", target).status, 200) << target;
  }
  EXPECT_EQ(As(ada_, "PUT", "/v1/films/favourites/7").status, 404);
  EXPECT_THAT(As(ada_, "GET", "/v1/films").body, Not(HasSubstr("Gamma")));
  EXPECT_THAT(Bob("GET", "/v1/films").body, HasSubstr("Gamma"));
}

TEST_F(RestSecurityTest, FavouritesAreOnesOwn) {
  Ada("PUT", "/v1/favourites", R"({"channels":["2"]})");
  EXPECT_EQ(Bob("GET", "/v1/favourites").AsJson()["channels"].size(), 0u);
  EXPECT_EQ(Bob("PUT", "/v1/favourites", R"({"channels":["3"]})").status, 200);
  EXPECT_EQ(As(ada_, "GET", "/v1/favourites").AsJson()["channels"], Json({"2"}));
}

TEST_F(RestSecurityTest, ThePinAndWhatItAllowsAreOnesOwn) {
  Ada("PUT", "/v1/parental", R"({"pin":"4711","adult_in_players":true})", {{"X-Pin", "0000"}});
  EXPECT_EQ(Bob("GET", "/v1/parental").AsJson(),
            Json({{"adult_in_players", false}, {"pin_chosen", false}}));
  EXPECT_EQ(Bob("PUT", "/v1/parental", "{}", {{"X-Pin", "4711"}}).status, 403);
  EXPECT_EQ(Bob("PUT", "/v1/parental", R"({"pin":"1"})", {{"X-Pin", "0000"}}).status, 200);
  EXPECT_EQ(As(ada_, "PUT", "/v1/parental", "{}", {{"X-Pin", "4711"}}).status, 200);
}

TEST_F(RestSecurityTest, ResumePointsAreOnesOwn) {
  Ada("PUT", "/v1/resume-points/5", R"({"position_seconds":90})");
  EXPECT_EQ(ItemsOfBob("/v1/resume-points"), 0u);
  EXPECT_EQ(Bob("PUT", "/v1/resume-points/5", R"({"position_seconds":1})").status, 200);
  EXPECT_EQ(As(ada_, "GET", "/v1/resume-points").AsJson()["items"][0]["position_seconds"], 90);
}

TEST_F(RestSecurityTest, HistoryIsOnesOwnAlsoWithTheSameKey) {
  const std::string entry =
      R"({"what":"film","content_id":"5","started_at":"2026-01-02T08:00:00Z"})";
  const AppsFixture::Headers key = {{"Idempotency-Key", "same"}};
  const AppAnswer hers = Ada("POST", "/v1/history", entry, key);
  EXPECT_EQ(ItemsOfBob("/v1/history"), 0u);
  const AppAnswer his = Bob("POST", "/v1/history", entry, key);
  EXPECT_NE(his.AsJson()["id"], hers.AsJson()["id"]);
  EXPECT_EQ(As(ada_, "GET", "/v1/history").AsJson()["items"].size(), 1u);
}

TEST_F(RestSecurityTest, RemindersAreOnesOwn) {
  const std::string programme = "/v1/reminders/1_" + std::to_string(kNowSeconds + 1800);
  Ada("PUT", programme);
  EXPECT_EQ(ItemsOfBob("/v1/reminders"), 0u);
  EXPECT_EQ(Bob("DELETE", programme).status, 204);
  EXPECT_EQ(As(ada_, "GET", "/v1/reminders").AsJson()["items"].size(), 1u);
}

TEST_F(RestSecurityTest, FavouriteFilmsAreOnesOwn) {
  Ada("PUT", "/v1/films/favourites/5");
  EXPECT_EQ(ItemsOfBob("/v1/films/favourites"), 0u);
  EXPECT_EQ(Bob("DELETE", "/v1/films/favourites/5").status, 204);
  EXPECT_EQ(As(ada_, "GET", "/v1/films/favourites").AsJson()["items"].size(), 1u);
}

TEST_F(RestSecurityTest, ProfilesAreOfOnesOwnHouseholdInEveryRequest) {
  const std::string kim =
      Ada("POST", "/v1/profiles", std::string(R"({"name":")") + kSecret + "\"}").AsJson()["id"];
  Ada("PUT", "/v1/films/favourites/5", "", {{"X-Profile", kim}});
  EXPECT_EQ(ItemsOfBob("/v1/profiles"), 0u);
  EXPECT_EQ(Bob("PUT", "/v1/profiles/" + kim, R"({"name":"mine"})").status, 404);
  EXPECT_EQ(Bob("DELETE", "/v1/profiles/" + kim).status, 404);
  const std::string body = R"({"position_seconds":1,"channels":[],"what":"film","content_id":"5",)"
                           R"("started_at":"2026-01-02T08:00:00Z"})";
  const std::pair<const char*, std::string> requests[] = {
      {"GET", "/v1/favourites"},
      {"PUT", "/v1/favourites"},
      {"GET", "/v1/resume-points"},
      {"PUT", "/v1/resume-points/5"},
      {"GET", "/v1/history"},
      {"POST", "/v1/history"},
      {"GET", "/v1/reminders"},
      {"PUT", "/v1/reminders/1_" + std::to_string(kNowSeconds + 1800)},
      {"DELETE", "/v1/reminders/1_5"},
      {"GET", "/v1/films"},
      {"GET", "/v1/films/5"},
      {"GET", "/v1/films/categories"},
      {"GET", "/v1/films/files/50/link"},
      {"GET", "/v1/films/favourites"},
      {"PUT", "/v1/films/favourites/5"},
      {"DELETE", "/v1/films/favourites/5"}};
  for (const auto& [method, target] : requests) {
    const AppAnswer answer = Bob(method, target, *method == 'G' ? "" : body, {{"X-Profile", kim}});
    EXPECT_EQ(answer.status, 404) << method << " " << target << ": " << answer.body;
    EXPECT_THAT(answer.body, Not(HasSubstr(kSecret))) << target;
  }
  EXPECT_EQ(
      As(ada_, "GET", "/v1/films/favourites", "", {{"X-Profile", kim}}).AsJson()["items"].size(),
      1u);
}

// One request of bob's for each route: the table names all of them, or the test fails.
TEST_F(RestSecurityTest, NoRouteShowsWhatIsAnothers) {
  const std::string soon = "1_" + std::to_string(kNowSeconds + 1800);
  const std::string named = std::string(R"({"name":")") + kSecret + "\"}";
  const std::string kim = Ada("POST", "/v1/profiles", named).AsJson()["id"];
  Ada("PUT", "/v1/favourites", R"({"channels":["2"]})");
  Ada("PUT", "/v1/resume-points/5", R"({"position_seconds":90})");
  Ada("PUT", "/v1/films/favourites/5");
  Ada("PUT", "/v1/reminders/" + soon);
  const std::string played =
      R"({"what":"film","content_id":"5","started_at":"2026-01-02T08:00:00Z"})";
  Ada("POST", "/v1/history", played);
  ASSERT_THAT(As(ada_, "GET", "/v1/profiles").body, HasSubstr(kSecret));

  struct Row {
    std::string route, target, body;
  };
  const std::vector<Row> rows = {
      {"GET /v1/openapi.json", "", ""},
      {"POST /v1/login", "/v1/login", LoginBody("bob", "pb", "tablet")},
      {"GET /v1/profile", "", ""},
      {"GET /v1/genres", "", ""},
      {"GET /v1/channels", "", ""},
      {"GET /v1/guide", "", ""},
      {"GET /v1/guide/search", "/v1/guide/search?q=show", ""},
      {"GET /v1/channels/{channel}/link", "/v1/channels/2/link", ""},
      {"GET /v1/channels/{channel}/catch-up",
       "/v1/channels/1/catch-up?start=1767342600&duration=60", ""},
      {"GET /v1/resume-points", "", ""},
      {"PUT /v1/resume-points/{content}", "/v1/resume-points/5", R"({"position_seconds":1})"},
      {"GET /v1/history", "", ""},
      {"POST /v1/history", "", played},
      {"GET /v1/message", "", ""},
      {"POST /v1/message/{message}/confirm", "/v1/message/77/confirm", ""},
      {"GET /v1/favourites", "", ""},
      {"PUT /v1/favourites", "", R"({"channels":["3"]})"},
      {"GET /v1/parental", "", ""},
      {"PUT /v1/parental", "", R"({"pin":"4711"})"},
      {"GET /v1/profiles", "", ""},
      {"POST /v1/profiles", "", R"({"name":"bobs"})"},
      {"PUT /v1/profiles/{profile}", "/v1/profiles/" + kim, R"({"name":"mine"})"},
      {"DELETE /v1/profiles/{profile}", "/v1/profiles/" + kim, ""},
      {"GET /v1/reminders", "", ""},
      {"PUT /v1/reminders/{programme}", "/v1/reminders/" + soon, ""},
      {"DELETE /v1/reminders/{programme}", "/v1/reminders/" + soon, ""},
      {"GET /v1/films", "", ""},
      {"GET /v1/films/categories", "", ""},
      {"GET /v1/films/favourites", "", ""},
      {"PUT /v1/films/favourites/{film}", "/v1/films/favourites/5", ""},
      {"DELETE /v1/films/favourites/{film}", "/v1/films/favourites/5", ""},
      {"GET /v1/films/files/{file}/link", "/v1/films/files/50/link", ""},
      {"GET /v1/films/{film}", "/v1/films/5", ""},
      {"GET /v1/streams", "", ""},
      {"PUT /v1/stream", "", ""},
      {"DELETE /v1/stream", "", ""},
      {"POST /v1/films/{film}/rental", "/v1/films/5/rental",
       R"({"price":{"minor_units":300,"currency":"EUR"}})"},
      {"POST /v1/logout", "", ""}};
  std::vector<std::string> asked, served;
  for (const Row& row : rows) asked.push_back(row.route);
  for (const auto& [method, pattern] : app_.box().portal().apps().rest().routes()) {
    served.push_back(method + " " + pattern);
  }
  EXPECT_THAT(asked, testing::UnorderedElementsAreArray(served));

  for (const Row& row : rows) {
    const std::size_t space = row.route.find(' ');
    const std::string target = row.target.empty() ? row.route.substr(space + 1) : row.target;
    const AppAnswer answer = Bob(row.route.substr(0, space), target, row.body);
    EXPECT_LT(answer.status, 500) << row.route;
    EXPECT_THAT(answer.body, Not(HasSubstr(kSecret))) << row.route;
    EXPECT_THAT(answer.body, Not(HasSubstr("acc-1"))) << row.route;
  }
  // All of hers is as she left it.
  EXPECT_EQ(As(ada_, "GET", "/v1/favourites").AsJson()["channels"], Json({"2"}));
  EXPECT_EQ(As(ada_, "GET", "/v1/resume-points").AsJson()["items"][0]["position_seconds"], 90);
  EXPECT_EQ(As(ada_, "GET", "/v1/history").AsJson()["items"].size(), 1u);
  EXPECT_EQ(As(ada_, "GET", "/v1/reminders").AsJson()["items"].size(), 1u);
  EXPECT_EQ(As(ada_, "GET", "/v1/films/favourites").AsJson()["items"].size(), 1u);
  EXPECT_THAT(As(ada_, "GET", "/v1/profiles").body, HasSubstr(kSecret));
}

TEST_F(RestSecurityTest, WhatOneAccountRentedOpensNothingForAnother) {
  app_.box().HavePackages();
  HaveRentals({{9, kNowSeconds + 3600}});
  EXPECT_EQ(As(ada_, "GET", "/v1/films/files/90/link").status, 200);
  EXPECT_THAT(As(ada_, "GET", "/v1/films/9").body, HasSubstr("\"until\":\"2026"));
  const AppAnswer refused = Bob("GET", "/v1/films/files/90/link");
  EXPECT_EQ(refused.status, 403);
  EXPECT_THAT(refused.body, HasSubstr("not-rented"));
  for (const char* target : {"/v1/films", "/v1/films/9"}) {
    EXPECT_THAT(Bob("GET", target).body, Not(HasSubstr("\"until\":\"2026"))) << target;
  }
}

TEST_F(RestSecurityTest, AMessageForOneAccountIsShownToNoOther) {
  v1::BoxEvent event;
  event.set_event_id(77);
  event.set_event("send_msg");
  event.set_text(kSecret);
  event.set_needs_confirmation(true);
  event.set_expires_at_ms((kNowSeconds + 3600) * 1000);
  event.mutable_target()->add_account_ids("acc-1");
  ASSERT_THAT(app_.box().portal().events().replica().Apply(
                  {.kind = replica::Update::Kind::kFull,
                   .epoch = "test",
                   .revision = 1,
                   .items = {{"77", MakeShared(event.SerializeAsString())}}}),
              test::IsOk());
  EXPECT_TRUE(Bob("GET", "/v1/message").AsJson()["message"].is_null());
  EXPECT_EQ(Bob("POST", "/v1/message/77/confirm").status, 404);
  EXPECT_THAT(As(ada_, "GET", "/v1/message").body, HasSubstr(kSecret));
}

// Whatever is sent, the answer is of the form that the document knows, and the server goes on.
TEST_F(RestSecurityTest, NoiseInParametersAndBodiesIsAProblemNeverAFault) {
  const std::uint32_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::vector<std::string> pieces = {
      "",           "0",      "-1",           "99999999999999999999",
      "%00",        "%ff",    "..%2f..",      "1e9",
      "'%20OR%201", "%22%7D", "%0d%0aX:%20y", "null",
      "[]",         "{}",     "1_5",          "1_99999999999999999999",
      "_",          "a%0ab",  "%F0%9F%98%80", "true",
      "1;2"};
  const std::vector<std::string> bodies = {
      "",
      "{",
      "[]",
      "null",
      "{\"name\":{}}",
      "{\"channels\":[null]}",
      "{\"position_seconds\":1e99}",
      R"({"name":"\u0000","avatar":1,"max_age":-1})",
      R"({"remind_at":"9999-99-99T99:99:99Z"})",
      R"({"what":"film","content_id":"\ud800","started_at":0})",
      R"({"price":{"minor_units":-1,"currency":"EUR"}})",
      R"({"price":{"minor_units":1e300,"currency":7}})",
      R"({"price":[]})",
      std::string(50'000, '['),
      std::string("\xff\xfe\x00", 3),
      R"({"name":")" + std::string(5000, 'x') + "\"}"};
  const auto pick = [&](const std::vector<std::string>& from) -> const std::string& {
    return from[random() % from.size()];
  };
  const char* names[] = {"limit", "cursor",   "from",  "to",    "channels", "q",   "kind",
                         "order", "category", "genre", "start", "duration", "year"};
  for (const auto& [method, pattern] : app_.box().portal().apps().rest().routes()) {
    if (pattern == "/v1/login" || pattern == "/v1/logout") continue;
    for (int i = 0; i < 12; ++i) {
      std::string target = pattern;
      if (const std::size_t brace = target.find('{'); brace != std::string::npos) {
        std::string piece = pick(pieces);
        target.replace(brace, target.find('}') - brace + 1, piece.empty() ? "x" : piece);
      }
      target += std::string("?") + names[random() % std::size(names)] + "=" + pick(pieces) + "&" +
                names[random() % std::size(names)] + "=" + pick(pieces);
      AppsFixture::Headers headers;
      if (random() % 3 == 0) headers.emplace_back("X-Profile", "1x");
      const AppAnswer answer =
          As(ada_, method, target, method == "GET" ? "" : pick(bodies), headers);
      EXPECT_LT(answer.status, 500) << method << " " << target << ": " << answer.body;
      if (answer.status >= 400 && answer.status != 404) {
        EXPECT_EQ(answer.content_type, "application/problem+json") << method << " " << target;
      }
    }
  }
  EXPECT_EQ(As(ada_, "GET", "/v1/profile").status, 200);
}

}  // namespace
}  // namespace holdfast::middleware
