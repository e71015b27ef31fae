#include "services/middleware/domain/lineup_edit.h"

#include <gmock/gmock.h>

#include <functional>

#include "libs/testing/status_matchers.h"

namespace holdfast::middleware {
namespace {

using test::HasCode;
using test::IsOk;
using ::testing::ElementsAre;
using ::testing::SizeIs;
using ::testing::StartsWith;
using Code = absl::StatusCode;

const WallTime kNow = FromEpochSeconds(1767348000);

Channel Named(int id, int number, const std::string& name) {
  Channel channel;
  channel.id = ChannelId(id);
  channel.number = number;
  channel.name = name;
  channel.genre = GenreId(1);
  channel.directory = "live/" + name;
  channel.package = PackageId("basic");
  return channel;
}

class LineupEditTest : public testing::Test {
 protected:
  LineupEditTest() {
    Channel gone = Named(3, 3, "gone");
    gone.removed = true;
    stored_ = {{Named(1, 1, "one"), Named(2, 2, "two"), gone}, {{GenreId(1), "All"}}, 7};
  }
  StoredLineup stored_;
};

TEST_F(LineupEditTest, ANewChannelGetsTheNextIdAndTheNextNumber) {
  Channel wanted = Named(0, 0, "new");
  wanted.package = PackageId("");
  ASSERT_OK_AND_ASSIGN(const LineupImport plan, PlanPutChannel(stored_, wanted, kNow));
  EXPECT_EQ(plan.added, 1);
  EXPECT_EQ(plan.based_on, 7u);
  EXPECT_EQ(plan.put_channels.at(0).id, ChannelId(4));  // 3 stays of the removed one
  EXPECT_EQ(plan.put_channels.at(0).number, 3);
  EXPECT_EQ(plan.put_channels.at(0).package, PackageId("basic"));
  EXPECT_EQ(plan.put_channels.at(0).modified_at, EpochSeconds(kNow));
}

TEST_F(LineupEditTest, AChannelIsInSeveralGroupsEachOnce) {
  stored_.genres.push_back({GenreId(2), "HD"});
  stored_.genres.push_back({kAdultGenre, "Adult"});
  Channel wanted = Named(1, 1, "one");
  wanted.hd = true;
  wanted.other_genres = {GenreId(2), GenreId(1), GenreId(2)};
  ASSERT_OK_AND_ASSIGN(const LineupImport plan, PlanPutChannel(stored_, wanted, kNow));
  EXPECT_THAT(plan.put_channels.at(0).other_genres, ElementsAre(GenreId(2)));
  const auto changes = DescribeChanges(stored_, plan, 10);
  ASSERT_THAT(changes.at(0).fields, SizeIs(2));
  EXPECT_EQ(changes.at(0).fields[0].name, "other_genre_ids");
  EXPECT_EQ(changes.at(0).fields[0].after, "2");
  EXPECT_EQ(changes.at(0).fields[1].name, "hd");
  for (const GenreId wrong : {GenreId(9), kAdultGenre}) {
    wanted.other_genres = {wrong};
    const auto refused = PlanPutChannel(stored_, wanted, kNow);
    EXPECT_THAT(refused, HasCode(Code::kInvalidArgument));
    EXPECT_THAT(std::string(refused.status().message()), StartsWith("other_genre_ids "));
  }
  for (int i = 20; i < 40; ++i) {
    stored_.genres.push_back({GenreId(i), "g" + std::to_string(i)});
    wanted.other_genres.push_back(GenreId(i));
  }
  wanted.other_genres.erase(wanted.other_genres.begin());
  EXPECT_THAT(PlanPutChannel(stored_, wanted, kNow), HasCode(Code::kInvalidArgument));
  wanted.adult = true;
  ASSERT_OK_AND_ASSIGN(const LineupImport adult, PlanPutChannel(stored_, wanted, kNow));
  EXPECT_THAT(adult.put_channels.at(0).other_genres, SizeIs(0));
  EXPECT_THAT(PlanPutGenre(stored_, {GenreId(0), "a;b"}), HasCode(Code::kInvalidArgument));
}

TEST_F(LineupEditTest, WhatMonitoringSaysChangesOnceAndNobodyElseChangesIt) {
  ASSERT_OK_AND_ASSIGN(const LineupImport up,
                       PlanMonitoring(stored_, {ChannelId(1), ChannelId(2)}, false, kNow));
  EXPECT_FALSE(up.changes_anything());
  ASSERT_OK_AND_ASSIGN(const LineupImport down,
                       PlanMonitoring(stored_, {ChannelId(1), ChannelId(1)}, true, kNow));
  ASSERT_THAT(down.put_channels, SizeIs(1));
  EXPECT_EQ(down.put_channels[0].monitoring, (Monitoring{true, EpochSeconds(kNow)}));
  EXPECT_EQ(down.put_channels[0].modified_at, stored_.channels[0].modified_at);
  EXPECT_EQ(DescribeChanges(stored_, down, 10).at(0).fields.at(0).name, "down");
  stored_.channels[0] = down.put_channels[0];
  Channel renamed = Named(1, 1, "uno");
  ASSERT_OK_AND_ASSIGN(const LineupImport put, PlanPutChannel(stored_, renamed, kNow));
  EXPECT_TRUE(put.put_channels.at(0).monitoring.down);
  EXPECT_THAT(PlanMonitoring(stored_, {ChannelId(3)}, true, kNow), HasCode(Code::kNotFound));
}

TEST_F(LineupEditTest, AChangeKeepsTheNumberAndTheSameAgainChangesNothing) {
  Channel wanted = Named(2, 0, "deux");
  ASSERT_OK_AND_ASSIGN(const LineupImport plan, PlanPutChannel(stored_, wanted, kNow));
  EXPECT_EQ(plan.changed, 1);
  EXPECT_EQ(plan.put_channels.at(0).number, 2);
  const auto changes = DescribeChanges(stored_, plan, 10);
  ASSERT_THAT(changes, SizeIs(1));
  EXPECT_EQ(changes[0].kind, LineupChange::Kind::kChanged);
  std::vector<std::string> fields;
  for (const auto& f : changes[0].fields) fields.push_back(f.name + "=" + f.before + ">" + f.after);
  EXPECT_THAT(fields, ElementsAre("name=two>deux", "directory=live/two>live/deux"));
  ASSERT_OK_AND_ASSIGN(const LineupImport same, PlanPutChannel(stored_, Named(2, 2, "two"), kNow));
  EXPECT_FALSE(same.changes_anything());
}

TEST_F(LineupEditTest, WhatIsWrongIsNamedByItsField) {
  const auto refused = [&](const char* field, Code code,
                           const std::function<void(Channel&)>& spoil) {
    Channel wanted = Named(1, 1, "one");
    spoil(wanted);
    const auto plan = PlanPutChannel(stored_, wanted, kNow);
    EXPECT_THAT(plan, HasCode(code)) << field;
    EXPECT_THAT(std::string(plan.status().message()), StartsWith(field));
  };
  refused("name", Code::kInvalidArgument, [](Channel& c) { c.name = ""; });
  refused("name", Code::kInvalidArgument, [](Channel& c) { c.name = "a\nb"; });
  refused("name", Code::kInvalidArgument, [](Channel& c) { c.name = "\xff"; });
  refused("logo_url", Code::kInvalidArgument, [](Channel& c) { c.logo.assign(1001, 'x'); });
  refused("package_id", Code::kInvalidArgument,
          [](Channel& c) { c.package = PackageId(std::string(101, 'x')); });
  refused("number", Code::kInvalidArgument, [](Channel& c) { c.number = 100'000; });
  refused("number", Code::kInvalidArgument, [](Channel& c) { c.number = -1; });
  refused("number", Code::kAlreadyExists, [](Channel& c) { c.number = 2; });
  refused("directory", Code::kInvalidArgument, [](Channel& c) { c.directory = "live/../x"; });
  refused("genre_id", Code::kInvalidArgument, [](Channel& c) { c.genre = GenreId(9); });
  refused("catch_up_hours", Code::kInvalidArgument, [](Channel& c) { c.catch_up_hours = 1441; });
  refused("catch_up_source", Code::kInvalidArgument, [](Channel& c) {
    c.catch_up_hours = 1;
    c.catch_up_source = "a b";
  });
  refused("channel_id", Code::kNotFound, [](Channel& c) { c.id = ChannelId(3); });
}

TEST_F(LineupEditTest, AnAdultChannelIsOfTheAdultGroup) {
  Channel wanted = Named(1, 1, "one");
  wanted.adult = true;
  ASSERT_OK_AND_ASSIGN(const LineupImport plan, PlanPutChannel(stored_, wanted, kNow));
  EXPECT_EQ(plan.put_channels.at(0).genre, kAdultGenre);
  EXPECT_THAT(plan.put_genres, SizeIs(1));
}

TEST_F(LineupEditTest, ARemovedChannelIsTakenOutOnce) {
  ASSERT_OK_AND_ASSIGN(const LineupImport plan, PlanRemoveChannel(stored_, ChannelId(2), kNow));
  EXPECT_TRUE(plan.put_channels.at(0).removed);
  EXPECT_EQ(DescribeChanges(stored_, plan, 1).at(0).kind, LineupChange::Kind::kRemoved);
  EXPECT_THAT(PlanRemoveChannel(stored_, ChannelId(3), kNow), HasCode(Code::kNotFound));
}

TEST_F(LineupEditTest, GroupsAreMadeAndRenamed) {
  ASSERT_OK_AND_ASSIGN(const LineupImport made, PlanPutGenre(stored_, {GenreId(0), "News"}));
  EXPECT_EQ(made.put_genres.at(0).id, GenreId(11));  // 10 is kept for the adult group
  ASSERT_OK_AND_ASSIGN(const LineupImport renamed, PlanPutGenre(stored_, {GenreId(1), "Every"}));
  EXPECT_EQ(renamed.put_genres.at(0).title, "Every");
  ASSERT_OK_AND_ASSIGN(const LineupImport same, PlanPutGenre(stored_, {GenreId(1), "All"}));
  EXPECT_FALSE(same.changes_anything());
  EXPECT_THAT(PlanPutGenre(stored_, {GenreId(0), "All"}), HasCode(Code::kAlreadyExists));
  EXPECT_THAT(PlanPutGenre(stored_, {GenreId(5), "x"}), HasCode(Code::kNotFound));
  EXPECT_THAT(PlanPutGenre(stored_, {GenreId(1), ""}), HasCode(Code::kInvalidArgument));
}

}  // namespace
}  // namespace holdfast::middleware
