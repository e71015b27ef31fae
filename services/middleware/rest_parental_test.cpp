// What is adult, outside of boxes: the operator's own apps show the PIN, players of playlists are
// shown it where the household allowed that, and nobody where the operator does not show it.
#include <gmock/gmock.h>

#include "holdfast/middleware/v1/replica_items.pb.h"
#include "services/middleware/rest_fixture_test.h"

namespace holdfast::middleware {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Channel 4 is adult; so is film 9.
class RestParentalTest : public RestFixture {
 protected:
  static FixtureOptions Shown(const storage::PgOptions& postgres, bool shown) {
    FixtureOptions options{.postgres = postgres};
    options.apps.adult_channels = shown;
    return options;
  }
  void Prepare(AppsFixture& app) {
    app.box().HaveEverything();
    app.HaveLogin("ada", "pa", "acc-1");
    LogIn(app);
  }
  void LogIn(AppsFixture& app) {
    replica::Update update{.kind = replica::Update::Kind::kFull, .epoch = "test", .revision = 1};
    v1::CatalogueItem film = Title(9, "Night", "18+", "");
    film.mutable_title()->set_adult(true);
    v1::CatalogueItem category;
    category.mutable_category()->set_category_id(3);
    category.mutable_category()->set_title("Drama");
    for (const auto& [key, item] : {std::pair("c3", category), std::pair("t9", film)}) {
      update.items.emplace_back(key, MakeShared(item.SerializeAsString()));
    }
    ASSERT_THAT(app.box().portal().models().catalogue_replica().Apply(update), test::IsOk());
    const AppAnswer login = app.Send("POST", "/v1/login", {}, LoginBody("ada", "pa"));
    ASSERT_EQ(login.status, 200) << login.body;
    token_ = login.AsJson()["token"];
  }
  AppAnswer Ask(AppsFixture& app, const std::string& target, const std::string& pin = "",
                const std::string& method = "GET", const std::string& body = "") {
    AppsFixture::Headers headers = {{"Authorization", "Bearer " + token_}};
    if (!pin.empty()) headers.emplace_back("X-Pin", pin);
    return app.Send(method, target, std::move(headers), body);
  }
  // As if this instance had read what was written.
  void ReadNotes(AppsFixture& app) {
    AccountNotes& notes = app.box().portal().notes();
    const auto note = notes.Load(AccountId("acc-1"), Deadline::After(std::chrono::seconds(10)));
    ASSERT_THAT(note, test::IsOk());
    EXPECT_TRUE(note->adult_in_players);
    v1::AccountNote item;
    item.set_text("1");
    ASSERT_THAT(notes.replica().Apply(
                    {.kind = replica::Update::Kind::kFull,
                     .epoch = "test",
                     .revision = 1,
                     .items = {{"adult_in_players|acc-1", MakeShared(item.SerializeAsString())}}}),
                test::IsOk());
  }
  static std::string TypeOf(const AppAnswer& answer) { return answer.AsJson().value("type", ""); }

  std::string token_;
};

constexpr const char* kAdultLinks[] = {"/v1/channels/4/link",
                                       "/v1/channels/4/catch-up?start=1767342600&duration=60",
                                       "/v1/films/files/90/link"};

TEST_F(RestParentalTest, ALinkToWhatIsAdultNeedsThePinOfTheDevice) {
  AppsFixture app(Shown(options_, true));
  Prepare(app);
  for (const char* link : kAdultLinks) {
    const AppAnswer without = Ask(app, link);
    EXPECT_EQ(without.status, 403) << link;
    EXPECT_EQ(TypeOf(without), "urn:holdfast:problem:pin-required") << link;
    EXPECT_EQ(without.AsJson()["errors"][0]["field"], "X-Pin");
    EXPECT_EQ(TypeOf(Ask(app, link, "1234")), "urn:holdfast:problem:wrong-pin") << link;
  }
  EXPECT_EQ(Ask(app, "/v1/channels/4/link", "0000").status, 200);
  EXPECT_EQ(Ask(app, "/v1/films/files/90/link", "0000").status, 200);
  EXPECT_EQ(Ask(app, "/v1/channels/1/link").status, 200);  // everything else does not

  ASSERT_EQ(Ask(app, "/v1/parental", "0000", "PUT", R"({"pin":"4711"})").status, 200);
  EXPECT_EQ(Ask(app, "/v1/channels/4/link", "0000").status, 403);
  EXPECT_EQ(Ask(app, "/v1/channels/4/link", "4711").status, 200);
}

TEST_F(RestParentalTest, GuessingThePinIsStoppedAndTheRightOneTellsNothingThen) {
  AppsFixture app(Shown(options_, true));
  Prepare(app);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(Ask(app, "/v1/channels/4/link", "1" + std::to_string(i)).status, 403);
  }
  EXPECT_EQ(Ask(app, "/v1/channels/4/link", "0000").status, 429);
  EXPECT_EQ(Ask(app, "/v1/parental", "0000", "PUT", R"({"pin":"4711"})").status, 429);
  EXPECT_EQ(Ask(app, "/v1/channels/1/link").status, 200);
  app.box().clock().Advance(std::chrono::seconds(61));
  EXPECT_EQ(Ask(app, "/v1/channels/4/link", "0000").status, 200);
}

TEST_F(RestParentalTest, PlayersAreShownWhatIsAdultOnlyWhereTheHouseholdAllowedIt) {
  AppsFixture app(Shown(options_, true));
  Prepare(app);
  const std::string api = "/player_api.php?username=ada&password=pa&action=";
  const std::vector<std::string> lists = {api + "get_live_streams",
                                          "/get.php?type=m3u_plus&username=ada&password=pa",
                                          "/panel_api.php?username=ada&password=pa"};
  const auto expect_shown = [&](bool shown) {
    for (const std::string& list : lists) {
      EXPECT_EQ(app.Get(list).body.find("Late") != std::string::npos, shown) << list;
    }
    EXPECT_EQ(app.Get(api + "get_vod_streams").body.find("Night") != std::string::npos, shown);
    EXPECT_EQ(app.Get("/live/ada/pa/4.m3u8").status, shown ? 302 : 403);
    EXPECT_EQ(app.Get("/movie/ada/pa/9.mkv").status, shown ? 302 : 403);
  };
  expect_shown(false);
  EXPECT_EQ(Ask(app, "/v1/parental", "", "PUT", R"({"adult_in_players":true})").status, 403);
  ASSERT_EQ(Ask(app, "/v1/parental", "0000", "PUT", R"({"adult_in_players":true})").status, 200);
  ReadNotes(app);
  EXPECT_EQ(Ask(app, "/v1/parental").AsJson()["adult_in_players"], true);
  expect_shown(true);
}

TEST_F(RestParentalTest, WhereTheOperatorShowsNothingAdultNeitherPinNorConsentDoes) {
  LogIn(app_);
  for (const char* link : kAdultLinks) {
    const int status = Ask(app_, link, "0000").status;
    EXPECT_TRUE(status == 403 || status == 404) << link << " " << status;
  }
  ASSERT_EQ(Ask(app_, "/v1/parental", "0000", "PUT", R"({"adult_in_players":true})").status, 200);
  ReadNotes(app_);
  EXPECT_THAT(app_.Get("/get.php?username=ada&password=pa").body, Not(HasSubstr("Late")));
}

}  // namespace
}  // namespace holdfast::middleware
