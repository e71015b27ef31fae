// Lists that many boxes share: what one viewer marked must be there, and must cost nobody else
// anything.
#include "services/middleware/lists.h"

#include <gmock/gmock.h>

#include <random>
#include <set>
#include <thread>

#include "absl/synchronization/notification.h"
#include "services/middleware/gzip.h"
#include "services/middleware/portal_fixture_test.h"

namespace holdfast::middleware {
namespace {

constexpr int kChannels = 200;
constexpr int kChunks = 7;  // of 32 channels

std::string Playlist(const std::string& name) {
  std::string m3u = "#EXTM3U\n";
  for (int i = 1; i <= kChannels; ++i) {
    const std::string n = std::to_string(i);
    m3u += "#EXTINF:-1 group-title=\"g\" holdfast-package=\"" +
           std::string(i % 3 == 0 ? "sport" : "basic") + "\"," + name + " " + n +
           "\nhttp://x/live/c" + n + "/i.m3u8\n";
  }
  return m3u;
}

class ListsTest : public testing::Test {
 protected:
  void SetUp() override { box_.HaveLineup(Playlist("Channel")); }

  ListView View() const { return {packages_, favourites_, censored_}; }
  static Json RowsIn(const http::SharedBody& body, BodyForm form = BodyForm::kGzip) {
    EXPECT_NE(body, nullptr);
    if (body == nullptr) return Json();
    const std::string text = form == BodyForm::kGzip ? Gunzip(body->Copy()) : body->Copy();
    const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    EXPECT_FALSE(json.is_discarded()) << text.substr(0, 200);
    return json.is_discarded() ? Json() : json["js"]["data"];
  }
  double Made(const std::string& cache) {
    const std::string scrape = metrics_.Scrape();
    const std::string name = "holdfast_middleware_bodies_made_total{cache=\"" + cache + "\"} ";
    const std::size_t at = scrape.find(name);
    EXPECT_NE(at, std::string::npos) << cache;
    return at == std::string::npos ? -1 : std::stod(scrape.substr(at + name.size()));
  }

  PortalFixture box_;
  telemetry::Metrics metrics_;
  Lists lists_{box_.portal().models(), 64 << 20, metrics_};
  PackageSet packages_{{"basic", "sport"}};
  std::vector<ChannelId> favourites_, censored_;
};

TEST_F(ListsTest, AHundredBoxesWithDifferentFavouritesShareAllChunksButTheirOwn) {
  for (int i = 1; i <= 100; ++i) {
    favourites_ = {ChannelId(i)};
    const Json rows = RowsIn(lists_.MakeAllChannels(View(), BodyForm::kGzip));
    ASSERT_EQ(rows.size(), std::size_t{kChannels});
    for (const Json& row : rows) {
      ASSERT_EQ(row["fav"], row["id"] == std::to_string(i) ? 1 : 0) << row["id"];
    }
  }
  EXPECT_EQ(Made("list_chunks"), 100 + kChunks);
  EXPECT_EQ(Made("lists"), 0);  // no body of a box's own is rendered or kept

  for (int i = 1; i <= 100; ++i) {  // all of them start again
    favourites_ = {ChannelId(i)};
    EXPECT_NE(lists_.ReadyAllChannels(View(), BodyForm::kGzip), nullptr);
  }
  EXPECT_EQ(Made("list_chunks"), 100 + kChunks);
}

TEST_F(ListsTest, FavouritesThatTheListDoesNotShowCostNothing) {
  const http::SharedBody shared = lists_.MakeAllChannels(View(), BodyForm::kGzip);
  favourites_ = {ChannelId(99'999)};  // gone
  EXPECT_EQ(lists_.ReadyAllChannels(View(), BodyForm::kGzip), shared);
  packages_ = PackageSet({"basic"});
  const http::SharedBody basic = lists_.MakeAllChannels({packages_, {}, {}}, BodyForm::kGzip);
  favourites_ = {ChannelId(3)};  // of package sport
  EXPECT_EQ(lists_.ReadyAllChannels(View(), BodyForm::kGzip), basic);
}

TEST_F(ListsTest, AnyMarksAreShownInEveryForm) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::uniform_int_distribution<int> channel(1, kChannels + 5), count(0, 12), coin(0, 1);
  for (int round = 0; round < 30; ++round) {
    packages_ = coin(random) != 0 ? PackageSet({"basic"}) : PackageSet({"basic", "sport"});
    std::set<ChannelId> favourites, censored;
    for (int i = count(random); i > 0; --i) favourites.insert(ChannelId(channel(random)));
    for (int i = count(random); i > 0; --i) censored.insert(ChannelId(channel(random)));
    favourites_.assign(favourites.begin(), favourites.end());
    censored_.assign(censored.begin(), censored.end());
    const Json rows = RowsIn(lists_.MakeAllChannels(View(), BodyForm::kGzip));
    int number = 0;
    for (const Json& row : rows) {
      do {
        ++number;
      } while (number % 3 == 0 && !packages_.Contains(PackageId("sport")));
      const ChannelId id(std::stoll(row["id"].get<std::string>()));
      ASSERT_EQ(row["number"], std::to_string(number));
      ASSERT_EQ(row["name"], "Channel " + std::to_string(number));
      ASSERT_EQ(row["fav"], favourites.contains(id) ? 1 : 0) << number;
      ASSERT_EQ(row["lock"], censored.contains(id) ? 1 : 0) << number;
      ASSERT_EQ(row["censored"], censored.contains(id) ? "1" : "0") << number;
    }
    for (const BodyForm form : {BodyForm::kPlain, BodyForm::kGzip}) {
      EXPECT_EQ(RowsIn(lists_.MakeAllChannels(View(), form), form), rows);
      EXPECT_EQ(RowsIn(lists_.AllChannelsInHurry(View(), form), form), rows);
    }
  }
}

TEST_F(ListsTest, InAHurryNothingIsCompressedAndNothingIsKept) {
  lists_.MakeRows();
  favourites_ = {ChannelId(5)};
  EXPECT_EQ(RowsIn(lists_.AllChannelsInHurry(View(), BodyForm::kGzip)).size(),
            std::size_t{kChannels});
  favourites_.clear();
  EXPECT_EQ(RowsIn(lists_.AllChannelsInHurry(View(), BodyForm::kGzip)).size(),
            std::size_t{kChannels});
  EXPECT_EQ(Made("list_chunks"), 0);
  EXPECT_EQ(Made("lists"), 0);
  EXPECT_EQ(lists_.ReadyAllChannels(View(), BodyForm::kGzip), nullptr);
}

TEST_F(ListsTest, ANewLineupIsRenderedBeforeBoxesAskAndOldMarksDoNotStay) {
  favourites_ = {ChannelId(1)};
  RowsIn(lists_.MakeAllChannels(View(), BodyForm::kGzip));
  RowsIn(lists_.MakeAllChannels({packages_, {}, {}}, BodyForm::kGzip));
  box_.HaveLineup(Playlist("Renamed"));
  EXPECT_EQ(lists_.ReadyAllChannels({packages_, {}, {}}, BodyForm::kGzip), nullptr);
  // Until then who cannot wait gets the lineup before.
  const Json before = RowsIn(lists_.AllChannelsInHurry(View(), BodyForm::kGzip));
  EXPECT_EQ(before[0]["name"], "Channel 1");
  EXPECT_EQ(before[0]["fav"], 1);

  lists_.Prepare();
  const Json after = RowsIn(lists_.ReadyAllChannels({packages_, {}, {}}, BodyForm::kGzip));
  EXPECT_EQ(after[0]["name"], "Renamed 1");
  EXPECT_NE(lists_.ReadyGenres(packages_), nullptr);
  EXPECT_EQ(RowsIn(lists_.MakeAllChannels(View(), BodyForm::kGzip))[0]["name"], "Renamed 1");
}

TEST_F(ListsTest, AnInstanceThatHadNoLineupNeverSendsAnEmptyOne) {
  PortalFixture other;
  Lists lists(other.portal().models(), 1 << 20, metrics_);
  lists.Prepare();
  other.HaveLineup(Playlist("Channel"));
  EXPECT_EQ(RowsIn(lists.AllChannelsInHurry(View(), BodyForm::kGzip)).size(),
            std::size_t{kChannels});
}

// -- The cache beneath ----------------------------------------------------------------------------

Body OfSize(std::size_t size) { return {.plain = http::Store(std::string(size, 'x'))}; }

TEST(RenderedCacheTest, WhileOneBodyIsMadeOthersAreMadeAndFound) {
  telemetry::Metrics metrics;
  BodyCache cache({.name = "test"}, metrics);
  absl::Notification began, end;
  std::thread slow([&] {
    cache.GetOrMake("slow", [&] {
      began.Notify();
      end.WaitForNotification();
      return OfSize(1);
    });
  });
  began.WaitForNotification();
  EXPECT_EQ(cache.Find("slow"), nullptr);
  EXPECT_EQ(cache.GetOrMake("other", [] { return OfSize(2); })->plain->size(), 2u);
  EXPECT_NE(cache.Find("other"), nullptr);
  end.Notify();
  slow.join();
  EXPECT_NE(cache.Find("slow"), nullptr);
}

TEST(RenderedCacheTest, WhatManyWantAtOnceIsMadeOnce) {
  telemetry::Metrics metrics;
  BodyCache cache({.name = "test"}, metrics);
  std::atomic<int> made = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int key = 0; key < 50; ++key) {
        cache.GetOrMake(std::to_string(key), [&] {
          ++made;
          return OfSize(10);
        });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(made, 50);
}

TEST(GzipTest, StoredPartsJoinWithCompressedOnes) {
  for (const std::size_t size : {0u, 1u, 65'535u, 65'536u, 200'000u}) {
    const std::string text(size, 'x');
    GzipJoiner joiner;
    joiner.Add(StoreGzipPart(text));
    joiner.Add(MakeGzipPart("between", 6));
    joiner.Add(StoreGzipPart(text));
    EXPECT_EQ(Gunzip(std::move(joiner).Finish()), text + "between" + text);
  }
}

}  // namespace
}  // namespace holdfast::middleware
