#include "services/middleware/domain/device.h"

#include <gtest/gtest.h>

#include "services/middleware/domain/session.h"

namespace holdfast::middleware {
namespace {

const Mac kMac = *Mac::Parse("00:1A:79:12:34:56");

Device Known() {
  Device device;
  device.mac = kMac.text();
  device.id = 5;
  return device;
}

std::vector<ChannelId> Ids(std::initializer_list<int> ids) {
  std::vector<ChannelId> result;
  for (const int id : ids) result.emplace_back(id);
  return result;
}

TEST(FavouritesTest, OrderIsKeptDuplicatesAndNoiseAreNot) {
  EXPECT_EQ(ParseFavourites("12,7,12, 3 ,x,-1,0,99999999999999999999,"), Ids({12, 7, 3}));
  EXPECT_TRUE(ParseFavourites("").empty());
  EXPECT_TRUE(ParseFavourites("undefined").empty());
}

TEST(FavouritesTest, AnEndlessListIsCut) {
  std::string list;
  for (int i = 1; i < 100'000; ++i) list += std::to_string(i) + ",";
  EXPECT_EQ(ParseFavourites(list).size(), kMaxFavourites);
}

TEST(DeviceMergeTest, WhatTheViewerChangedHereLaterStays) {
  Device held = Known();
  held.favourites = Ids({1, 2});
  held.favourites_at_ms = 200;
  held.account = AccountId("old");
  Device stored = Known();
  stored.favourites = Ids({9});
  stored.favourites_at_ms = 100;
  stored.account = AccountId("new");

  const Device merged = Merge(held, stored);
  EXPECT_EQ(merged.favourites, Ids({1, 2}));
  EXPECT_EQ(merged.account, AccountId("new"));
}

TEST(DeviceMergeTest, ALaterChangeElsewhereWins) {
  Device held = Known();
  held.last_channel = ChannelId(1);
  held.last_channel_at_ms = 100;
  Device stored = Known();
  stored.last_channel = ChannelId(2);
  stored.last_channel_at_ms = 101;
  EXPECT_EQ(Merge(held, stored).last_channel, ChannelId(2));
}

TEST(SessionTest, OurTokenIsGoodForItsDeviceOnly) {
  const Device device = Known();
  OfferedToken token{.kind = OfferedToken::Kind::kOurs, .mac = kMac.text()};
  EXPECT_EQ(CheckSession(token, kMac, &device), SessionVerdict::kValid);
  EXPECT_EQ(CheckSession(token, *Mac::Parse("00:1A:79:00:00:01"), &device),
            SessionVerdict::kRefused);
}

TEST(SessionTest, RevocationRefusesOlderTokensOnly) {
  Device device = Known();
  device.generation = 2;
  OfferedToken token{.kind = OfferedToken::Kind::kOurs, .mac = kMac.text(), .generation = 1};
  EXPECT_EQ(CheckSession(token, kMac, &device), SessionVerdict::kRefused);
  token.generation = 2;
  EXPECT_EQ(CheckSession(token, kMac, &device), SessionVerdict::kValid);
}

TEST(SessionTest, ABrokenTokenIsNeverGood) {
  const Device device = Known();
  const OfferedToken token{.kind = OfferedToken::Kind::kBroken};
  EXPECT_EQ(CheckSession(token, kMac, &device), SessionVerdict::kRefused);
  EXPECT_EQ(CheckSession(token, kMac, nullptr), SessionVerdict::kRefused);
}

TEST(SessionTest, ATokenThatTheClientMadeUpIsGoodUntilTheDeviceStartsWithAnother) {
  Device device = Known();
  const OfferedToken token{.kind = OfferedToken::Kind::kChosen, .hash = "abc"};
  EXPECT_EQ(CheckSession(token, kMac, &device), SessionVerdict::kValid);
  device.started = true;
  EXPECT_EQ(CheckSession(token, kMac, &device), SessionVerdict::kRefused);
  device.chosen_token_hash = "abc";
  EXPECT_EQ(CheckSession(token, kMac, &device), SessionVerdict::kValid);
  device.chosen_token_hash = "other";
  EXPECT_EQ(CheckSession(token, kMac, &device), SessionVerdict::kRefused);
  EXPECT_EQ(CheckSession(token, kMac, nullptr), SessionVerdict::kRefused);
}

TEST(SessionTest, NoTokenAtAllIsGoodForADeviceThatNeverStarted) {
  Device device = Known();
  EXPECT_EQ(CheckSession({}, kMac, &device), SessionVerdict::kValid);
  device.started = true;
  EXPECT_EQ(CheckSession({}, kMac, &device), SessionVerdict::kRefused);
}

TEST(SessionTest, OurFormHasTwoDots) {
  EXPECT_TRUE(HasFormOfOurToken("k1.abc.def"));
  EXPECT_FALSE(HasFormOfOurToken("F6654F81AA00BB11CC22DD33EE44FF55"));
  EXPECT_FALSE(HasFormOfOurToken(""));
}

}  // namespace
}  // namespace holdfast::middleware
