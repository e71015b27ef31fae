#include "services/middleware/domain/lineup_changes.h"

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

class LineupChangesTest : public testing::Test {
 protected:
  LineupChangesTest() {
    Channel gone = Named(3, 3, "gone");
    gone.removed = true;
    stored_ = {{Named(1, 1, "one"), Named(2, 2, "two"), gone}, {{GenreId(1), "All"}}, 7};
  }
  StoredLineup stored_;
};

TEST_F(LineupChangesTest, ANewChannelGetsTheNextIdAndTheNextNumber) {
  Channel wanted = Named(0, 0, "new");
  wanted.package = PackageId("");
  ASSERT_OK_AND_ASSIGN(const LineupImport plan, PlanChannel(stored_, wanted, kNow));
  EXPECT_EQ(plan.added, 1);
  EXPECT_EQ(plan.based_on, 7u);
  EXPECT_EQ(plan.put_channels.at(0).id, ChannelId(4));  // 3 stays of the removed one
  EXPECT_EQ(plan.put_channels.at(0).number, 3);
  EXPECT_EQ(plan.put_channels.at(0).package, PackageId("basic"));
  EXPECT_EQ(plan.put_channels.at(0).modified_at, EpochSeconds(kNow));
}

TEST_F(LineupChangesTest, AChangeKeepsTheNumberAndTheSameAgainChangesNothing) {
  Channel wanted = Named(2, 0, "deux");
  ASSERT_OK_AND_ASSIGN(const LineupImport plan, PlanChannel(stored_, wanted, kNow));
  EXPECT_EQ(plan.changed, 1);
  EXPECT_EQ(plan.put_channels.at(0).number, 2);
  const auto changes = DescribeChanges(stored_, plan, 10);
  ASSERT_THAT(changes, SizeIs(1));
  EXPECT_EQ(changes[0].kind, LineupChange::Kind::kChanged);
  std::vector<std::string> fields;
  for (const auto& f : changes[0].fields) fields.push_back(f.name + "=" + f.before + ">" + f.after);
  EXPECT_THAT(fields, ElementsAre("name=two>deux", "directory=live/two>live/deux"));
  ASSERT_OK_AND_ASSIGN(const LineupImport same, PlanChannel(stored_, Named(2, 2, "two"), kNow));
  EXPECT_FALSE(same.changes_anything());
}

TEST_F(LineupChangesTest, WhatIsWrongIsNamedByItsField) {
  const auto refused = [&](const char* field, Code code,
                           const std::function<void(Channel&)>& spoil) {
    Channel wanted = Named(1, 1, "one");
    spoil(wanted);
    const auto plan = PlanChannel(stored_, wanted, kNow);
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

TEST_F(LineupChangesTest, AnAdultChannelIsOfTheAdultGroup) {
  Channel wanted = Named(1, 1, "one");
  wanted.adult = true;
  ASSERT_OK_AND_ASSIGN(const LineupImport plan, PlanChannel(stored_, wanted, kNow));
  EXPECT_EQ(plan.put_channels.at(0).genre, kAdultGenre);
  EXPECT_THAT(plan.put_genres, SizeIs(1));
}

TEST_F(LineupChangesTest, ARemovedChannelIsTakenOutOnce) {
  ASSERT_OK_AND_ASSIGN(const LineupImport plan, PlanChannelRemoval(stored_, ChannelId(2), kNow));
  EXPECT_TRUE(plan.put_channels.at(0).removed);
  EXPECT_EQ(DescribeChanges(stored_, plan, 1).at(0).kind, LineupChange::Kind::kRemoved);
  EXPECT_THAT(PlanChannelRemoval(stored_, ChannelId(3), kNow), HasCode(Code::kNotFound));
}

TEST_F(LineupChangesTest, GroupsAreMadeAndRenamed) {
  ASSERT_OK_AND_ASSIGN(const LineupImport made, PlanGroup(stored_, {GenreId(0), "News"}));
  EXPECT_EQ(made.put_genres.at(0).id, GenreId(11));  // 10 is kept for the adult group
  ASSERT_OK_AND_ASSIGN(const LineupImport renamed, PlanGroup(stored_, {GenreId(1), "Every"}));
  EXPECT_EQ(renamed.put_genres.at(0).title, "Every");
  ASSERT_OK_AND_ASSIGN(const LineupImport same, PlanGroup(stored_, {GenreId(1), "All"}));
  EXPECT_FALSE(same.changes_anything());
  EXPECT_THAT(PlanGroup(stored_, {GenreId(0), "All"}), HasCode(Code::kAlreadyExists));
  EXPECT_THAT(PlanGroup(stored_, {GenreId(5), "x"}), HasCode(Code::kNotFound));
  EXPECT_THAT(PlanGroup(stored_, {GenreId(1), ""}), HasCode(Code::kInvalidArgument));
}

}  // namespace
}  // namespace holdfast::middleware
