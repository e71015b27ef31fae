// REST v1: lists that all apps of the same packages ask for are made once, and are nobody else's.
#include "services/middleware/rest_fixture_test.h"

namespace holdfast::middleware {
namespace {

class RestListsTest : public RestFixture {
 protected:
  double Made() {
    const std::string scrape = app_.box().metrics().Scrape();
    const std::string name = "holdfast_middleware_bodies_made_total{cache=\"rest\"} ";
    const std::size_t at = scrape.find(name);
    EXPECT_NE(at, std::string::npos);
    return at == std::string::npos ? -1 : std::stod(scrape.substr(at + name.size()));
  }
};

TEST_F(RestListsTest, TheFirstPageOfChannelsIsMadeOncePerSetOfPackages) {
  const std::string ada = TokenOf("ada"), bob = TokenOf("bob");
  const AppAnswer first = As(ada, "GET", "/v1/channels");
  EXPECT_EQ(first.AsJson()["items"].size(), 2u);
  for (int i = 0; i < 3; ++i) {
    const AppAnswer again = As(ada, "GET", "/v1/channels");
    EXPECT_EQ(again.body, first.body);
    EXPECT_EQ(again.etag, first.etag);
  }
  EXPECT_EQ(Made(), 1);
  EXPECT_EQ(As(ada, "GET", "/v1/channels", "", {{"If-None-Match", first.etag}}).status, 304);
  EXPECT_EQ(As(bob, "GET", "/v1/channels").AsJson()["items"].size(), 3u);  // with sport
  EXPECT_EQ(Made(), 2);
  // What anybody can make up is written and forgotten.
  for (int i = 1; i < 20; ++i) {
    const std::string genre = "/v1/channels?genre=99" + std::to_string(i);
    EXPECT_EQ(As(ada, "GET", genre).AsJson()["items"].size(), 0u);
  }
  EXPECT_EQ(Made(), 2);
}

TEST_F(RestListsTest, CategoriesFollowTheCatalogue) {
  const std::string ada = TokenOf("ada");
  EXPECT_EQ(As(ada, "GET", "/v1/films/categories").AsJson()["items"].size(), 0u);
  HaveCatalogue();
  const Json categories = As(ada, "GET", "/v1/films/categories").AsJson()["items"];
  ASSERT_EQ(categories.size(), 1u);
  EXPECT_EQ(categories[0]["title"], "Drama");
  EXPECT_EQ(As(ada, "GET", "/v1/films/categories").AsJson()["items"], categories);
  EXPECT_EQ(Made(), 2);
}

}  // namespace
}  // namespace holdfast::middleware
