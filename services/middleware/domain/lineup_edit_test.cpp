#include "services/middleware/domain/lineup_edit.h"

#include <gmock/gmock.h>

#include "libs/testing/status_matchers.h"

namespace holdfast::middleware {
namespace {

using test::HasCode;
using test::IsOk;

const WallTime kNow = FromEpochSeconds(1767348000);

StoredLineup Stored() {
  StoredLineup stored{.genres = {{GenreId(1), "news"}}, .revision = 4};
  Channel& channel = stored.channels.emplace_back();
  channel.id = ChannelId(7);
  channel.number = 3;
  channel.name = "News";
  channel.genre = GenreId(1);
  channel.directory = "live/news";
  channel.package = PackageId("basic");
  return stored;
}

Channel Wanted() {
  Channel channel;
  channel.name = "Films";
  channel.directory = "http://x/live/films/index.m3u8";
  channel.package = PackageId("basic");
  return channel;
}

TEST(LineupEditTest, ANewChannelTakesTheNextIdAndNumber) {
  const auto plan = PlanPutChannel(Stored(), Wanted(), "films", kNow);
  ASSERT_THAT(plan, IsOk());
  EXPECT_EQ(plan->added, 1);
  EXPECT_EQ(plan->based_on, 4u);
  const Channel& channel = plan->put_channels.at(0);
  EXPECT_EQ(channel.id, ChannelId(8));
  EXPECT_EQ(channel.number, 4);
  EXPECT_EQ(channel.directory, "live/films");
  EXPECT_EQ(channel.genre, GenreId(2));
  EXPECT_EQ(plan->put_genres.at(0).title, "films");
}

TEST(LineupEditTest, AChannelThatIsThereIsChangedOrLeftAlone) {
  Channel same = Stored().channels[0];
  same.number = 0;  // the present one
  EXPECT_EQ(PlanPutChannel(Stored(), same, "news", kNow)->unchanged, 1);
  same.name = "More news";
  const auto plan = PlanPutChannel(Stored(), same, "news", kNow);
  ASSERT_THAT(plan, IsOk());
  EXPECT_EQ(plan->changed, 1);
  EXPECT_EQ(plan->put_channels.at(0).number, 3);
  EXPECT_EQ(plan->put_channels.at(0).modified_at, 1767348000);
}

TEST(LineupEditTest, AdultChannelsGoWhereBoxesLookForThem) {
  Channel wanted = Wanted();
  wanted.adult = true;
  const auto plan = PlanPutChannel(Stored(), wanted, "films", kNow);
  ASSERT_THAT(plan, IsOk());
  EXPECT_EQ(plan->put_channels.at(0).genre, kAdultGenre);
  EXPECT_TRUE(PlanPutChannel(Stored(), Wanted(), "Adult", kNow)->put_channels.at(0).adult);
}

TEST(LineupEditTest, WhatIsWrongIsNamed) {
  const auto refuse = [](Channel wanted, absl::StatusCode code) {
    EXPECT_THAT(PlanPutChannel(Stored(), std::move(wanted), "g", kNow), HasCode(code));
  };
  Channel wanted = Wanted();
  wanted.number = 3;
  refuse(wanted, absl::StatusCode::kAlreadyExists);
  wanted = Wanted();
  wanted.directory = "live/news";
  refuse(wanted, absl::StatusCode::kAlreadyExists);
  wanted.directory = "nonsense";
  refuse(wanted, absl::StatusCode::kInvalidArgument);
  wanted = Wanted();
  wanted.name = "";
  refuse(wanted, absl::StatusCode::kInvalidArgument);
  wanted = Wanted();
  wanted.number = 100'000;
  refuse(wanted, absl::StatusCode::kInvalidArgument);
  wanted = Wanted();
  wanted.id = ChannelId(99);
  refuse(wanted, absl::StatusCode::kNotFound);
  EXPECT_THAT(PlanPutChannel(Stored(), Wanted(), "", kNow),
              HasCode(absl::StatusCode::kInvalidArgument));
}

TEST(LineupEditTest, ARemovedChannelKeepsItsId) {
  const auto plan = PlanRemoveChannel(Stored(), ChannelId(7), kNow);
  ASSERT_THAT(plan, IsOk());
  EXPECT_EQ(plan->removed, 1);
  EXPECT_TRUE(plan->put_channels.at(0).removed);
  EXPECT_THAT(PlanRemoveChannel(Stored(), ChannelId(8), kNow),
              HasCode(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace holdfast::middleware
