#include "services/billing/paging.h"

#include <gmock/gmock.h>

#include "libs/base/encoding.h"
#include "libs/base/status.h"
#include "libs/testing/status_matchers.h"

namespace holdfast::billing {
namespace {

using test::HasMessage;
using test::IsOk;
using testing::ElementsAre;

// The numbers behind `after`, up to 5.
absl::StatusOr<std::vector<int>> Numbers(int after, int limit) {
  std::vector<int> rows;
  for (int n = after + 1; n <= 5; ++n) {
    if (limit == 0 || static_cast<int>(rows.size()) < limit) rows.push_back(n);
  }
  return rows;
}

struct Filter {
  int after = 0;
  int limit = 0;
};

absl::StatusOr<Page<int>> Ask(const Filter& filter) {
  return FetchPage(filter, [](const Filter& f) { return Numbers(f.after, f.limit); });
}

TEST(PagingTest, APageTellsWhetherThereIsAnother) {
  ASSERT_OK_AND_ASSIGN(const Page<int> first, Ask({0, 2}));
  EXPECT_THAT(first.rows, ElementsAre(1, 2));
  EXPECT_TRUE(first.more);
  EXPECT_EQ(first.NextToken([](int last) { return std::to_string(last); }), "2");
  ASSERT_OK_AND_ASSIGN(const Page<int> last, Ask({3, 2}));
  EXPECT_THAT(last.rows, ElementsAre(4, 5));
  EXPECT_FALSE(last.more) << "a full page may be the last one";
  EXPECT_EQ(last.NextToken([](int n) { return std::to_string(n); }), "");
}

TEST(PagingTest, WithoutALimitThereIsOnePage) {
  ASSERT_OK_AND_ASSIGN(const Page<int> all, Ask({0, kEverything}));
  EXPECT_EQ(all.rows.size(), 5u);
  EXPECT_FALSE(all.more);
}

TEST(PagingTest, TokensComeBackAsTheyWere) {
  EXPECT_EQ(*ParseToken(TokenAfter("wallet/ann/EUR")), "wallet/ann/EUR");
  EXPECT_EQ(*ParseToken(""), "");
  const WallTime at = FromEpochSeconds(1'767'225'600) + std::chrono::microseconds(123'456);
  ASSERT_OK_AND_ASSIGN(const TimeCursor cursor, ParseTimeToken(TokenAfter(at, "s 1")));
  EXPECT_EQ(cursor.at, at);
  EXPECT_EQ(cursor.id, "s 1");
  EXPECT_EQ(ParseTimeToken("")->at, std::nullopt);
}

TEST(PagingTest, TokensOfOthersAreRefused) {
  for (const std::string& key :
       {std::string("x"), std::string("-5 a"), std::string("99999999999999999999 a"),
        std::string("9000000000000000000 a"), std::string("1e3 a"), std::string("1\xff a"),
        std::string("1 \0a", 4), std::string(400, '1')}) {
    EXPECT_THAT(ParseTimeToken(ToBase64Url(key)), HasMessage("page_token")) << key;
  }
  for (const std::string& token : {std::string("!"), std::string("a"), ToBase64Url("\xff")}) {
    EXPECT_THAT(ParseToken(token), HasMessage("page_token")) << token;
  }
}

TEST(PagingTest, PagesHaveBounds) {
  EXPECT_EQ(*ParsePageSize(0), 50);
  EXPECT_EQ(*ParsePageSize(0, kEverything), 0);
  EXPECT_EQ(*ParsePageSize(1000), 1000);
  EXPECT_THAT(ParsePageSize(1001), HasMessage("page_size"));
  EXPECT_THAT(ParsePageSize(-1), HasMessage("page_size"));
}

}  // namespace
}  // namespace holdfast::billing
