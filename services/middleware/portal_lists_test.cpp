// What lists show of what the viewer chose: censored channels, the order of favourites, places.
#include <gmock/gmock.h>

#include "services/middleware/places.h"
#include "services/middleware/portal_fixture_test.h"

namespace holdfast::middleware {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

class PortalListsTest : public testing::Test {
 protected:
  void SetUp() override {
    box_.HaveEverything();
    box_.HaveEntitlement("acc-1", {"basic", "sport"});
    box_.LogIn();
  }
  std::vector<std::string> Names(const std::string& fields) {
    std::vector<std::string> names;
    const Json js = box_.Call("itv", "get_ordered_list", fields).Js();
    for (const Json& row : js["data"]) names.push_back(row["name"]);
    return names;
  }

  PortalFixture box_;
};

TEST_F(PortalListsTest, AChannelThatTheViewerCensorsIsLockedInEveryList) {
  EXPECT_EQ(box_.Call("itv", "add_to_censored", "ch_id=2").Js(), true);
  const Json all = box_.Call("itv", "get_all_channels").Js()["data"];
  ASSERT_EQ(all.size(), 3u);
  for (const Json& row : all) {
    const bool censored = row["id"] == "2";
    EXPECT_EQ(row["lock"], censored ? 1 : 0) << row["id"];
    EXPECT_EQ(row["locked"], censored ? "1" : "0") << row["id"];
    EXPECT_EQ(row["censored"], censored ? "1" : "0") << row["id"];
  }
  EXPECT_EQ(box_.Call("itv", "get_ordered_list", "genre=*&p=1").Js()["data"][1]["lock"], 1);
  EXPECT_EQ(box_.Call("itv", "set_fav", "fav_ch=2,1").Js(), true);
  EXPECT_EQ(box_.Call("itv", "get_all_fav_channels", "fav=1").Js()["data"][0]["lock"], 1);
  EXPECT_EQ(box_.Call("itv", "del_from_censored", "ch_id=2").Js(), true);
  EXPECT_EQ(box_.Call("itv", "get_all_channels").Js()["data"][1]["lock"], 0);
}

TEST_F(PortalListsTest, TheOrderOfFavouritesPutsThemFirst) {
  EXPECT_EQ(box_.Call("itv", "set_fav", "fav_ch=3,1").Js(), true);
  EXPECT_THAT(Names("genre=*&sortby=fav&p=1"), ElementsAre("Sport 1", "News 1", "Film \"One\""));
  EXPECT_THAT(Names("genre=*&fav=1&sortby=fav&p=1"), ElementsAre("Sport 1", "News 1"));
  EXPECT_THAT(Names("genre=*&sortby=number&p=1"), ElementsAre("News 1", "Film \"One\"", "Sport 1"));
}

TEST_F(PortalListsTest, ThePageOfAChannelIsFoundByItOrByTheOneWatchedLast) {
  std::string m3u = "#EXTM3U\n";
  for (int i = 1; i <= 40; ++i) {
    const std::string n = std::to_string(i);
    m3u += "#EXTINF:-1 group-title=\"g\",Channel " + n + "\nhttp://x/live/c" + n + "/i.m3u8\n";
  }
  PortalFixture box;
  box.HaveLineup(m3u);
  box.HaveDevice();
  box.HaveEntitlement();
  box.LogIn();
  const auto ids = [&] {
    std::vector<std::string> by_number;
    const Json js = box.Call("itv", "get_all_channels").Js();
    for (const Json& row : js["data"]) {
      by_number.push_back(row["id"]);
    }
    return by_number;
  }();
  const Json page = box.Call("itv", "get_ordered_list", "genre=*&p=0&from_ch_id=" + ids[16]).Js();
  EXPECT_EQ(page["cur_page"], 2);
  EXPECT_EQ(page["selected_item"], 3);
  EXPECT_EQ(page["data"][2]["id"], ids[16]);
  EXPECT_EQ(box.Call("itv", "set_last_id", "id=" + ids[30]).Js(), true);
  EXPECT_EQ(box.Call("itv", "get_ordered_list", "genre=*&p=0").Js()["cur_page"], 3);
  EXPECT_EQ(
      box.Call("itv", "get_ordered_list", "genre=*&p=0&from_ch_id=" + ids[16]).Js()["cur_page"], 2);
}

// What many boxes ask for alike is made once, and is right for each of them.
class SharedPagesTest : public PortalListsTest {
 protected:
  double Made() {
    const std::string scrape = box_.metrics().Scrape();
    const std::string name = "holdfast_middleware_bodies_made_total{cache=\"list_pages\"} ";
    const std::size_t at = scrape.find(name);
    EXPECT_NE(at, std::string::npos);
    return at == std::string::npos ? -1 : std::stod(scrape.substr(at + name.size()));
  }
  BoxAnswer Page(const std::string& fields = "genre=*&sortby=number&p=1") {
    return box_.Call("itv", "get_ordered_list", fields);
  }
};

TEST_F(SharedPagesTest, APageIsMadeOnceAndSentCompressed) {
  const BoxAnswer first = Page();
  EXPECT_TRUE(first.gzipped);
  EXPECT_EQ(Made(), 1);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(Page().body, first.body);
  EXPECT_EQ(Made(), 1);
  BoxRequest plain{.query = "type=itv&action=get_ordered_list&genre=*&sortby=number&p=1",
                   .authorization = "Bearer " + box_.token,
                   .accept_encoding = ""};
  EXPECT_EQ(box_.Send(plain).body, first.body);
  EXPECT_EQ(Made(), 1);
}

TEST_F(SharedPagesTest, MarksAreTheBoxsOwn) {
  Page();
  EXPECT_EQ(box_.Call("itv", "set_fav", "fav_ch=2").Js(), true);
  const Json marked = Page().Js()["data"];
  EXPECT_EQ(marked[0]["fav"], 0);
  EXPECT_EQ(marked[1]["fav"], 1);
  EXPECT_EQ(Made(), 2);
  EXPECT_EQ(Page().Js()["data"], marked);
  EXPECT_EQ(Made(), 2);
  EXPECT_EQ(box_.Call("itv", "add_to_censored", "ch_id=1").Js(), true);
  EXPECT_EQ(Page().Js()["data"][0]["lock"], 1);
  EXPECT_EQ(box_.Call("itv", "set_fav", "fav_ch=").Js(), true);
  EXPECT_EQ(box_.Call("itv", "del_from_censored", "ch_id=1").Js(), true);
  EXPECT_EQ(Page().Js()["data"][1]["fav"], 0);
  EXPECT_EQ(Made(), 3);
}

TEST_F(SharedPagesTest, WhatIsOnFollowsTheClockAndTheGuide) {
  EXPECT_EQ(Page().Js()["data"][0]["cur_playing"], "09:30 Show 0");
  box_.clock().Advance(std::chrono::minutes(29));
  EXPECT_EQ(Page().Js()["data"][0]["cur_playing"], "09:30 Show 0");
  box_.clock().Advance(std::chrono::minutes(1));
  EXPECT_EQ(Page().Js()["data"][0]["cur_playing"], "10:30 Show 1");
  BoxRequest berlin{.query = "type=itv&action=get_ordered_list&genre=*&sortby=number&p=1",
                    .cookie = std::string("mac=") + kBoxMac + "; timezone=Europe/Berlin",
                    .authorization = "Bearer " + box_.token};
  EXPECT_EQ(box_.Send(berlin).Js()["data"][0]["cur_playing"], "11:30 Show 1");
}

TEST_F(SharedPagesTest, NumbersThatAnybodyMakesUpFillNoCache) {
  for (int i = 2; i < 50; ++i) {
    const std::string n = std::to_string(i);
    EXPECT_THAT(Page("genre=*&p=" + n).Js()["data"], IsEmpty());
    EXPECT_THAT(Page("p=1&genre=7" + n).Js()["data"], IsEmpty());
    EXPECT_THAT(box_.Call("vod", "get_years", "category=" + n).Js().size(), 1u);
    EXPECT_EQ(box_.Call("vod", "get_genres_by_category_alias", "cat_alias=" + n).Js().size(), 1u);
    EXPECT_THAT(box_.Call("radio", "get_ordered_list", "p=" + n).Js()["data"], IsEmpty());
  }
  EXPECT_EQ(Made(), 0);
}

TEST_F(SharedPagesTest, TheGenreThatPlayersAlwaysAskForIsEmptyWithoutAdultChannels) {
  PortalFixture box;
  box.HaveLineup("#EXTM3U\n#EXTINF:-1,One\nhttp://x/live/one/i.m3u8\n");
  box.HaveDevice();
  box.HaveEntitlement();
  box.LogIn();
  EXPECT_EQ(box.Call("itv", "get_ordered_list", "genre=10&fav=0&sortby=number&p=1").Js(),
            Json({{"total_items", 0},
                  {"max_page_items", 14},
                  {"selected_item", 0},
                  {"cur_page", 0},
                  {"data", Json::array()}}));
}

TEST_F(PortalListsTest, APlaceIsChosenFromCountriesAndKept) {
  const Json countries = box_.Call("stb", "get_countries").Js();
  ASSERT_GT(countries.size(), 100u);
  std::string britain;
  for (const Json& country : countries) {
    EXPECT_TRUE(country["value"].is_string() && country["selected"].is_number_integer());
    if (country["selected"] == 1) britain = country["value"];
    // The box's zone is Europe/London.
    EXPECT_EQ(country["selected"], country["label"] == "Britain (UK)" ? 1 : 0) << country["label"];
  }
  const Json cities = box_.Call("stb", "get_cities", "country_id=" + britain).Js();
  ASSERT_EQ(cities.size(), 1u);
  EXPECT_EQ(cities[0]["label"], "London");
  EXPECT_EQ(cities[0]["selected"], 1);
  EXPECT_EQ(box_.Call("stb", "get_cities", "country_id=nonsense").Js(), Json::array());

  const std::int64_t germany = ('D' - 'A' + 1) * 32 + ('E' - 'A' + 1);
  const Json found =
      box_.Call("stb", "search_cities", "country_id=" + std::to_string(germany) + "&search=ber")
          .Js();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0]["label"], "Berlin");
  const std::string berlin = found[0]["value"];
  EXPECT_EQ(box_.Call("stb", "set_locale", "locale=de_DE.utf8&city=" + berlin).Js(), true);
  for (const Json& country : box_.Call("stb", "get_countries").Js()) {
    EXPECT_EQ(country["selected"], country["label"] == "Germany" ? 1 : 0) << country["label"];
  }
  int zones = 0;
  for (const Json& zone : box_.Call("stb", "get_timezones").Js()) {
    zones += zone["selected"].get<int>();
    if (zone["selected"] == 1) {
      EXPECT_EQ(zone["value"], "Europe/London");
    }
  }
  EXPECT_EQ(zones, 1);
}

TEST(PlacesTest, LinesOfAnotherFormAreSkipped) {
  const auto countries = ParseCountries(
      "# names\nDE\tGermany\nnonsense\nXX\tNowhere\n",
      "DE\t+5230+01322\tEurope/Berlin\tmost\nDE\tbroken\nFR\t+1+1\tEurope/Paris\n\n");
  ASSERT_EQ(countries.size(), 1u);
  EXPECT_EQ(countries[0].name, "Germany");
  ASSERT_EQ(countries[0].places.size(), 1u);
  EXPECT_EQ(countries[0].places[0].name, "Berlin");
  EXPECT_THAT(ParseCountries("", ""), IsEmpty());
}

TEST_F(PortalListsTest, PackagesAreWhatIsKnownWhileBillingIsAway) {
  const BoxAnswer answer = box_.Call("account_info", "get_user_packages", "p=1");
  EXPECT_NE(answer.Header("X-Degraded"), "");
  const Json js = answer.Js();
  EXPECT_EQ(js["total_items"], 2);
  EXPECT_EQ(js["data"][0]["package_id"], "basic");
  EXPECT_EQ(js["data"][0]["optional"], false);
  EXPECT_EQ(js["data"][0]["subscribed"], true);
  for (const char* text : {"name", "type", "external_id", "description", "service_type"}) {
    EXPECT_TRUE(js["data"][0][text].is_string()) << text;
  }
  EXPECT_EQ(box_.Call("account", "subscribe_to_package", "package_id=x").Js(),
            Json({{"message", "Packages cannot be changed on this device."}}));
  EXPECT_TRUE(box_.Call("account", "check_price", "package_id=x").Js()["message"].is_string());
  EXPECT_TRUE(box_.Call("account", "rent_video", "video_id=1&price=1").Js()["message"].is_string());
  for (const char* page : {"get_payment_info", "get_agreement_info", "get_terms_info"}) {
    EXPECT_EQ(box_.Call("account_info", page).Js(), "") << page;
  }
}

TEST(SubscriptionFromBoxTest, IsRefusedWithAReasonWhileBillingIsAway) {
  PortalConfig config;
  config.subscription_from_box = true;
  PortalFixture box({.portal = config});
  box.HaveEverything();
  box.LogIn();
  EXPECT_EQ(box.Call("stb", "get_profile").Js()["allow_subscription_from_stb"], true);
  const Json js = box.Call("account", "subscribe_to_package", "package_id=sport").Js();
  EXPECT_THAT(js["message"].get<std::string>(), testing::HasSubstr("Please try again"));
}

}  // namespace
}  // namespace holdfast::middleware
