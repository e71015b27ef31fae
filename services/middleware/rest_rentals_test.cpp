// REST v1: films that are rented one by one.
#include <gmock/gmock.h>

#include "services/middleware/rest_fixture_test.h"

namespace holdfast::middleware {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* kPrice = R"({"price":{"minor_units":300,"currency":"EUR"}})";

class RestRentalsTest : public RestNotes {
 protected:
  void SetUp() override {
    RestNotes::SetUp();
    HaveCatalogue();
    app_.box().HavePackages();
    token_ = TokenOf("ada");
  }
  Json Film(int id) { return As(token_, "GET", "/v1/films/" + std::to_string(id)).AsJson(); }
  AppAnswer Rent(const std::string& body = kPrice, const std::string& key = "") {
    AppsFixture::Headers headers;
    if (!key.empty()) headers.emplace_back("Idempotency-Key", key);
    return As(token_, "POST", "/v1/films/9/rental", body, std::move(headers));
  }
  int Link() { return As(token_, "GET", "/v1/films/files/90/link").status; }

  std::string token_;
};

TEST_F(RestRentalsTest, AFilmSaysWhatItCostsAndUntilWhenItIsRented) {
  EXPECT_EQ(Film(5)["rental"], nullptr);
  const Json offered = {{"price", {{"minor_units", 300}, {"currency", "EUR"}}},
                        {"seconds", 48 * 3600},
                        {"until", nullptr}};
  EXPECT_EQ(Film(9)["rental"], offered);
  EXPECT_EQ(Link(), 403);
  HaveRentals({{9, kNowSeconds + 3600}});
  EXPECT_EQ(Film(9)["rental"]["until"], "2026-01-02T11:00:00Z");
  EXPECT_EQ(Link(), 200);
  app_.box().clock().Advance(std::chrono::hours(1));
  EXPECT_EQ(Film(9)["rental"], offered);
  EXPECT_EQ(Link(), 403);
}

TEST_F(RestRentalsTest, RentingPlaysAtOnceAndAKeyIsBillingsKey) {
  billing_.Rents(kNowSeconds + 48 * 3600, 500);
  const AppAnswer first = Rent(kPrice, "k-1");
  ASSERT_EQ(first.status, 200) << first.body;
  EXPECT_EQ(first.AsJson()["already_rented"], false);
  EXPECT_EQ(first.AsJson()["rental"]["until"], "2026-01-04T10:00:00Z");
  EXPECT_EQ(Link(), 200);
  EXPECT_EQ(Rent(kPrice, "k-1").status, 200);
  EXPECT_EQ(Rent(kPrice, "k-2").status, 200);
  const auto asked = billing_.asked();
  ASSERT_EQ(asked.size(), 3u);
  // The same key leads to the same command, whichever instance is asked; billing replays it.
  EXPECT_EQ(asked[0].SerializeAsString(), asked[1].SerializeAsString());
  EXPECT_NE(asked[1].idempotency_key(), asked[2].idempotency_key());
  EXPECT_THAT(asked[0].idempotency_key(), Not(HasSubstr("k-1")));
  EXPECT_THAT(asked[0].acting_person(), testing::StartsWith("viewer:"));
  // Without a key there is nothing to replay: what runs is known here.
  EXPECT_EQ(Rent().AsJson()["already_rented"], true);
  EXPECT_EQ(billing_.asked().size(), 3u);
  // Another device's key is another key.
  const std::string other = TokenOf("ada", "tablet");
  EXPECT_EQ(As(other, "POST", "/v1/films/9/rental", kPrice, {{"Idempotency-Key", "k-1"}}).status,
            200);
  EXPECT_NE(billing_.asked()[3].idempotency_key(), asked[0].idempotency_key());
}

TEST_F(RestRentalsTest, TheViewerAgreesToAPrice) {
  for (const char* wrong :
       {"", "{}", R"({"price":300})", R"({"price":{"minor_units":"300","currency":"EUR"}})",
        R"({"price":{"minor_units":-1,"currency":"EUR"}})", R"({"price":{"minor_units":300}})",
        R"({"price":{"minor_units":300,"currency":"euro"}})",
        R"({"price":{"minor_units":3.5,"currency":"EUR"}})",
        R"({"price":{"minor_units":9000000000000000000,"currency":"EUR"}})"}) {
    EXPECT_EQ(Rent(wrong).status, 400) << wrong;
  }
  EXPECT_EQ(Rent(kPrice, std::string(129, 'k')).status, 400);
  EXPECT_THAT(billing_.asked(), IsEmpty());
}

TEST_F(RestRentalsTest, WhileBillingIsAwayWhatIsRentedGoesOn) {
  const AppAnswer refused = Rent();  // it was told nothing: UNAVAILABLE
  EXPECT_EQ(refused.status, 503);
  EXPECT_THAT(refused.degraded, HasSubstr("billing"));
  EXPECT_NE(refused.retry_after, "");
  HaveRentals({{9, kNowSeconds + 3600}});
  EXPECT_EQ(Link(), 200);
  EXPECT_EQ(Rent(kPrice, "k-1").AsJson()["already_rented"], true);
  EXPECT_EQ(Film(9)["rental"]["until"], "2026-01-02T11:00:00Z");
}

TEST_F(RestRentalsTest, PlayersOfTheXtreamFamilyAreShownOnlyWhatIsRented) {
  const std::string player = "/player_api.php?username=ada&password=pa&action=get_vod_streams";
  const std::string film = "/movie/ada/pa/9.mkv";
  EXPECT_THAT(app_.Send("GET", player).body, Not(HasSubstr("Echo")));
  EXPECT_NE(app_.Send("GET", film).status, 302);
  HaveRentals({{9, kNowSeconds + 3600}});
  EXPECT_THAT(app_.Send("GET", player).body, HasSubstr("Echo"));
  EXPECT_EQ(app_.Send("GET", film).status, 302);
  app_.box().clock().Advance(std::chrono::hours(1));
  EXPECT_THAT(app_.Send("GET", player).body, Not(HasSubstr("Echo")));
  EXPECT_NE(app_.Send("GET", film).status, 302);
}

}  // namespace
}  // namespace holdfast::middleware
