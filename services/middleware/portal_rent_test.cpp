// Films that are rented one by one, on the box: what is for rent, renting, playing, and what
// happens while billing is away.
#include <gmock/gmock.h>

#include <map>
#include <tuple>

#include "services/middleware/billing_stub_test.h"
#include "services/middleware/portal_fixture_test.h"
#include "services/middleware/vod_rows.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr std::int64_t kTwoDays = 48 * 3600;

// Films 5 ("Alpha", everybody's), 6 ("Echo") and 7 ("Kilo", both for rent), 8 ("Sierra", of sport).
void HaveFilms(PortalFixture& box) {
  replica::Update update{.kind = replica::Update::Kind::kFull, .epoch = "test", .revision = 1};
  for (const auto& [id, name, package] :
       {std::tuple(5, "Alpha", ""), std::tuple(6, "Echo", "cinema"),
        std::tuple(7, "Kilo", "cinema"), std::tuple(8, "Sierra", "sport")}) {
    v1::CatalogueItem item;
    v1::VodTitle& title = *item.mutable_title();
    title.set_title_id(id);
    title.set_name(name);
    title.set_package_id(package);
    v1::VodFile& file = *title.add_files();
    file.set_file_id(id * 10);
    file.set_address("http://far/" + std::to_string(id));
    update.items.emplace_back("t" + std::to_string(id), MakeShared(item.SerializeAsString()));
  }
  ASSERT_THAT(box.portal().models().catalogue_replica().Apply(update), test::IsOk());
}

class PortalRentTest : public testing::Test {
 protected:
  void SetUp() override { Have(box_); }
  static void Have(PortalFixture& box) {
    box.HaveEverything();
    box.HavePackages();
    HaveFilms(box);
    box.LogIn();
  }
  static std::map<std::string, Json> Rows(PortalFixture& box, const std::string& more = "") {
    std::map<std::string, Json> rows;
    const Json page = box.Call("vod", "get_ordered_list", "category=*&p=1" + more).Js();
    for (const Json& row : page["data"]) rows[row["name"]] = row;
    return rows;
  }
  std::string LinkError(int id, PortalFixture* box = nullptr) {
    const Json js = (box != nullptr ? *box : box_)
                        .Call("vod", "create_link", "cmd=/media/" + std::to_string(id) + ".mpg")
                        .Js();
    return js["error"];
  }
  Json Rent(int id, const std::string& price = "3.00%20EUR") {
    return box_.Call("account", "rent_video", "video_id=" + std::to_string(id) + "&price=" + price)
        .Js();
  }
  Json Price(int id) {
    return box_.Call("account", "check_video_price", "video_id=" + std::to_string(id)).Js();
  }

  BillingStub billing_;
  PortalFixture box_{{.billing = billing_.address()}};
};

TEST_F(PortalRentTest, AFilmForRentIsListedWithItsPriceAndWithoutRentInfo) {
  auto rows = Rows(box_);
  ASSERT_EQ(rows.size(), 3u);  // not the one of another package
  EXPECT_EQ(rows["Echo"]["for_rent"], 1);
  EXPECT_EQ(rows["Echo"]["open"], 0);
  EXPECT_EQ(rows["Echo"]["cost"], "3.00");
  EXPECT_FALSE(
      rows["Echo"].contains("rent_info"));  // boxes ask whether it is there, not what it is
  EXPECT_EQ(rows["Alpha"]["for_rent"], 0);
  EXPECT_EQ(rows["Alpha"]["open"], 1);
  EXPECT_EQ(rows["Alpha"]["cost"], "0");
  EXPECT_EQ(LinkError(6), "access_denied");
  EXPECT_EQ(LinkError(5), "");
}

TEST_F(PortalRentTest, ThePriceIsKnownWithoutAskingAnybody) {
  EXPECT_EQ(Price(6), Json({{"result", "3.00 EUR"}, {"rent_duration", 48}}));
  box_.HavePackages(0);
  EXPECT_EQ(Price(6)["result"], "0");
  for (const int id : {5, 8, 0, 424242}) {
    EXPECT_EQ(Price(id), Json({{"message", "This film is not for rent."}})) << id;
  }
  EXPECT_THAT(billing_.asked(), IsEmpty());
}

TEST_F(PortalRentTest, WhatIsRentedPlaysAtOnceAndUntilTheRentalEnds) {
  billing_.Rents(kNowSeconds + kTwoDays, 1000);
  const Json rented = Rent(6);
  EXPECT_EQ(
      rented,
      Json({{"result", 1},
            {"rent_duration", 48},
            {"package_id", "cinema"},
            {"rent_info", {{"rent_end_date", "2026-01-04 10:00:00"}, {"expires_in", "2 d 0 h"}}}}));
  ASSERT_EQ(billing_.asked().size(), 1u);
  const billing::v1::RentFilmRequest asked = billing_.asked()[0];
  EXPECT_EQ(asked.account_id(), "acc-1");
  EXPECT_EQ(asked.item_id(), "film-6");
  EXPECT_EQ(asked.item_name(), "Echo");
  EXPECT_EQ(asked.package_id(), "cinema");
  EXPECT_EQ(asked.expected_price().minor_units(), 300);
  EXPECT_EQ(asked.expected_price().currency(), "EUR");
  EXPECT_EQ(asked.acting_person(), std::string("viewer:") + kBoxMac);
  EXPECT_THAT(asked.idempotency_key(), StartsWith("box-"));

  EXPECT_EQ(LinkError(6), "");
  EXPECT_EQ(LinkError(7), "access_denied");  // the other one is not rented with it
  auto rows = Rows(box_);
  EXPECT_EQ(rows["Echo"]["open"], 1);
  EXPECT_EQ(rows["Echo"]["for_rent"], 1);
  EXPECT_EQ(rows["Echo"]["rent_info"]["rent_end_date"], "2026-01-04 10:00:00");
  EXPECT_EQ(rows["Kilo"]["open"], 0);

  box_.clock().Advance(std::chrono::seconds(kTwoDays - 60));
  EXPECT_EQ(Rows(box_)["Echo"]["rent_info"]["expires_in"], "1 min");
  EXPECT_EQ(LinkError(6), "");
  box_.clock().Advance(60s);
  EXPECT_EQ(LinkError(6), "access_denied");
  EXPECT_FALSE(Rows(box_)["Echo"].contains("rent_info"));
  EXPECT_EQ(Price(6)["result"], "3.00 EUR");
}

TEST_F(PortalRentTest, WhatRunsIsNotAskedForAgain) {
  box_.HaveEntitlement("acc-1", {"basic"}, billing::v1::Entitlement::STATUS_ACTIVE,
                       {{6, kNowSeconds + 3600}});
  EXPECT_EQ(Price(6)["result"], "0");  // what makes a box go on without asking its viewer
  EXPECT_EQ(Rent(6, "0")["result"], 1);
  EXPECT_EQ(Rent(6)["rent_info"]["expires_in"], "1 h 0 min");
  EXPECT_THAT(billing_.asked(), IsEmpty());
}

TEST_F(PortalRentTest, OnlyWhatIsForRentIsAskedFor) {
  for (const int id : {5, 8, 0, -1, 424242}) {
    EXPECT_EQ(Rent(id), Json({{"message", "This film is not for rent."}})) << id;
  }
  for (const char* price : {"", "abc", "-1", "3.005", "3.", ".5", "99999999999999999999",
                            "3.00%20USD", "3.00%20EURO", "%00", "1e3"}) {
    EXPECT_EQ(Rent(6, price), Json({{"message", "The price is missing. Please try again."}}))
        << price;
  }
  EXPECT_THAT(billing_.asked(), IsEmpty());
}

TEST_F(PortalRentTest, ARefusalIsASentenceForTheViewer) {
  for (const auto& [reason, sentence] :
       {std::pair("INSUFFICIENT_FUNDS", "There is not enough money on the account."),
        std::pair("PRICE_CHANGED", "The price has changed. Please look at it again."),
        std::pair("NOT_FOR_RENT", "This is not for rent."),
        std::pair("SUBSCRIPTION_SUSPENDED", "Your subscription is blocked."),
        std::pair("NOT_CHARGED_BY_US", "This cannot be bought here. Please contact your provider."),
        std::pair("SOMETHING_NEW",
                  "The film could not be rented. Please contact your provider.")}) {
    billing_.Refuses(reason);
    EXPECT_EQ(Rent(6), Json({{"message", sentence}})) << reason;
  }
  EXPECT_EQ(LinkError(6), "access_denied");
}

TEST_F(PortalRentTest, ABillingThatAnswersTooLateIsOneThatCannotBeReached) {
  billing_.OnRent([](const billing::v1::RentFilmRequest&) {
    return absl::StatusOr<billing::v1::RentFilmResponse>(absl::DeadlineExceededError("late"));
  });
  EXPECT_THAT(Rent(6)["message"].get<std::string>(), HasSubstr("cannot be reached"));
  // It was rented after all: asking again is answered with what runs, and nothing is charged.
  billing_.Rents(kNowSeconds + kTwoDays, 1000, /*already_rented=*/true);
  EXPECT_EQ(Rent(6)["result"], 1);
  EXPECT_EQ(LinkError(6), "");
}

TEST_F(PortalRentTest, RentedFilmsAreWhatWasPurchased) {
  EXPECT_THAT(Rows(box_, "&sortby=purchased"), IsEmpty());
  box_.HaveEntitlement("acc-1", {"basic"}, billing::v1::Entitlement::STATUS_ACTIVE,
                       {{7, kNowSeconds + 3600}});
  const auto rows = Rows(box_, "&sortby=purchased");
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_TRUE(rows.contains("Kilo"));
}

TEST_F(PortalRentTest, NobodySeesWhatAnotherHasRented) {
  Rows(box_);  // the page that all share
  box_.HaveEntitlement("acc-1", {"basic"}, billing::v1::Entitlement::STATUS_ACTIVE,
                       {{6, kNowSeconds + 3600}});
  EXPECT_EQ(Rows(box_)["Echo"]["open"], 1);
  box_.HaveDevice(kBoxMac, "acc-2");
  box_.HaveEntitlement("acc-2");
  box_.LogIn();
  EXPECT_EQ(Rows(box_)["Echo"]["open"], 0);
  EXPECT_EQ(LinkError(6), "access_denied");
}

// What was agreed on holds, whatever becomes of the package.
TEST_F(PortalRentTest, ARentedFilmPlaysOnWhenItIsForRentNoMore) {
  box_.HaveEntitlement("acc-1", {"basic"}, billing::v1::Entitlement::STATUS_ACTIVE,
                       {{8, kNowSeconds + 3600}});  // "sport" is not rented singly
  auto rows = Rows(box_);
  EXPECT_EQ(rows["Sierra"]["open"], 1);
  EXPECT_EQ(rows["Sierra"]["cost"], "0");
  EXPECT_EQ(LinkError(8), "");
  EXPECT_EQ(Rent(8)["rent_duration"], 0);
}

TEST_F(PortalRentTest, ARentalOutlastsThePaidTimeButNotABlock) {
  billing::v1::Entitlement lapsed;
  lapsed.set_account_id("acc-1");
  lapsed.set_revision(1000);
  lapsed.set_status(billing::v1::Entitlement::STATUS_ACTIVE);
  lapsed.add_package_ids("basic");
  lapsed.mutable_valid_until()->set_seconds(kNowSeconds - 86'400 * 30);
  lapsed.mutable_grace_until()->set_seconds(kNowSeconds - 86'400 * 20);
  lapsed.add_rentals()->set_item_id("film-6");
  lapsed.mutable_rentals(0)->mutable_until()->set_seconds(kNowSeconds + 60);
  const auto tell = [&] {
    ASSERT_THAT(box_.portal().entitlements().feed().Apply(
                    {.kind = replica::Update::Kind::kDelta,
                     .epoch = "test",
                     .revision = lapsed.revision(),
                     .items = {{"acc-1", MakeShared(lapsed.SerializeAsString())}}}),
                test::IsOk());
  };
  tell();
  EXPECT_EQ(LinkError(5), "access_denied");
  EXPECT_EQ(LinkError(6), "");
  lapsed.set_revision(1001);
  lapsed.set_status(billing::v1::Entitlement::STATUS_SUSPENDED);
  tell();
  EXPECT_EQ(box_.Call("vod", "create_link", "cmd=/media/6.mpg").body, "Access denied.");
}

TEST_F(PortalRentTest, AnAccountInACurrencyWithoutAPriceIsShownNothingForRent) {
  billing::v1::Entitlement dollars;
  dollars.set_account_id("acc-1");
  dollars.set_revision(1000);
  dollars.set_status(billing::v1::Entitlement::STATUS_ACTIVE);
  dollars.add_package_ids("basic");
  for (const char* currency : {"USD", ""}) {
    dollars.set_currency(currency);
    dollars.set_revision(dollars.revision() + 1);
    ASSERT_THAT(box_.portal().entitlements().feed().Apply(
                    {.kind = replica::Update::Kind::kDelta,
                     .epoch = "test",
                     .revision = dollars.revision(),
                     .items = {{"acc-1", MakeShared(dollars.SerializeAsString())}}}),
                test::IsOk());
    EXPECT_EQ(Rows(box_).size(), 1u) << currency;
    EXPECT_EQ(LinkError(6), "access_denied");
  }
}

// -- Billing is away ------------------------------------------------------------------------------

TEST(PortalRentOutageTest, ListsPricesAndWhatIsRentedGoOnAndRentingSaysWhy) {
  PortalFixture box;  // nobody listens where billing should
  box.HaveEverything();
  box.HavePackages();
  HaveFilms(box);
  box.HaveEntitlement("acc-1", {"basic"}, billing::v1::Entitlement::STATUS_ACTIVE,
                      {{6, kNowSeconds + 3600}});
  box.LogIn();
  const Json page = box.Call("vod", "get_ordered_list", "category=*&p=1").Js();
  ASSERT_EQ(page["data"].size(), 3u);
  EXPECT_EQ(page["data"][1]["rent_info"]["expires_in"], "1 h 0 min");
  EXPECT_EQ(page["data"][2]["for_rent"], 1);
  EXPECT_EQ(box.Call("vod", "create_link", "cmd=/media/6.mpg").Js()["error"], "");
  EXPECT_EQ(box.Call("account", "check_video_price", "video_id=7").Js()["result"], "3.00 EUR");
  EXPECT_EQ(box.Call("account", "rent_video", "video_id=6&price=3").Js()["result"], 1);
  const BoxAnswer refused = box.Call("account", "rent_video", "video_id=7&price=3");
  EXPECT_EQ(refused.Js(),
            Json({{"message",
                   "The provider's billing cannot be reached at the moment. Please try again."}}));
  EXPECT_THAT(refused.Header("X-Degraded"), HasSubstr("billing"));
}

// The one who knows what was rented is away, and this instance never heard of the account.
TEST(PortalRentOutageTest, WhatIsNotKnownIsNotDenied) {
  PortalFixture box;
  box.HaveUsualLineup();
  box.HaveDevice();
  box.HaveEdges();
  box.HavePackages();
  HaveFilms(box);
  box.LogIn();
  // The entitlement of which nobody told has no currency, so that nothing is for rent either.
  const Json js = box.Call("vod", "create_link", "cmd=/media/6.mpg").Js();
  EXPECT_EQ(js["error"], "link_fault");
  EXPECT_EQ(box.Call("vod", "create_link", "cmd=/media/8.mpg").Js()["error"], "access_denied");
}

TEST(PortalRentOutageTest, PackagesOutliveARestartOnDisk) {
  test::TempDir dir;
  {
    PortalFixture before({.data_dir = dir.path()});
    before.HavePackages();
    EXPECT_THAT(before.portal().models().packages_replica().SaveToDisk(), test::IsOk());
  }
  PortalFixture after({.data_dir = dir.path()});
  ASSERT_THAT(after.portal().models().packages_replica().LoadFromDisk(), test::IsOk());
  const auto offers = after.portal().models().rental_offers();
  ASSERT_NE(offers->Find(PackageId("cinema")), nullptr);
  EXPECT_EQ(offers->Find(PackageId("basic")), nullptr);
  EXPECT_EQ(offers->Find(PackageId("cinema"))->PriceIn("EUR")->minor_units(), 300);
}

// -- Words ----------------------------------------------------------------------------------------

TEST(ParsePriceTest, TakesWhatPeopleAndBoxesWrite) {
  const auto units = [](std::string_view text, std::string_view currency) {
    const auto price = ParsePrice(text, currency);
    return price ? price->minor_units() : -1;
  };
  EXPECT_EQ(units("3.00 EUR", "EUR"), 300);
  EXPECT_EQ(units("3,5", "EUR"), 350);
  EXPECT_EQ(units("3", "EUR"), 300);
  EXPECT_EQ(units("0", "EUR"), 0);
  EXPECT_EQ(units("500 JPY", "JPY"), 500);
  EXPECT_EQ(units("1.234 KWD", "KWD"), 1234);
  EXPECT_EQ(units("999999999999", "EUR"), 99'999'999'999'900);
  for (const char* wrong : {"", " 3", "3.001", "3..0", "3 USD", "3EURO", "EUR 3", "-3", "+3", "0x3",
                            "9999999999999", "3.", "500.0"}) {
    EXPECT_EQ(units(wrong, wrong == std::string("500.0") ? "JPY" : "EUR"), -1) << wrong;
  }
  EXPECT_EQ(units("3", ""), -1);
}

TEST(RentWordsTest, BegunHoursCount) {
  EXPECT_EQ(RentHours(0), 0);
  EXPECT_EQ(RentHours(60), 1);
  EXPECT_EQ(RentHours(3600), 1);
  EXPECT_EQ(RentHours(3601), 2);
}

TEST(RentalItemTest, IsTheTitlesNumberAndNothingElse) {
  EXPECT_EQ(TitleOfRentalItem(RentalItemOf(5)), 5);
  for (const char* wrong : {"", "film-", "film-x", "film-5x", "film--5", "film-0", "Film-5", "5",
                            "film-99999999999999999999"}) {
    EXPECT_EQ(TitleOfRentalItem(wrong), std::nullopt) << wrong;
  }
}

}  // namespace
}  // namespace holdfast::middleware
