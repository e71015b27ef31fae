// The main journey: a set-top box starts, lists, zaps, reads the guide and stays alive, through
// each middleware instance and through the balancer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/testing/eventually.h"
#include "libs/testing/status_matchers.h"
#include "tests/e2e/box.h"
#include "tests/e2e/platform.h"

namespace holdfast::test {
namespace {

using testing::AllOf;
using testing::Ge;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr int kFrames = 10;

Box DemoBox(std::string_view portal) {
  Platform& platform = Platform::Shared();
  return Box(platform.Endpoint(portal), platform.Endpoint("DEMO_MAC"));
}

// Channels of one kind, told by their playlists.
std::vector<BoxChannel> ChannelsOfKind(Box& box, bool encrypted) {
  std::vector<BoxChannel> found;
  const auto channels = box.ListChannels();
  EXPECT_THAT(channels, IsOk());
  for (const BoxChannel& channel : channels.value_or(std::vector<BoxChannel>())) {
    const auto playlist = box.Zap(channel);
    EXPECT_THAT(playlist, IsOk()) << channel.name;
    if (playlist.ok() && playlist->keys.empty() != encrypted) found.push_back(channel);
  }
  return found;
}

class WatchChannelTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { ASSERT_THAT(box_.LogIn(), IsOk()); }
  Box box_ = DemoBox(GetParam());
};

INSTANTIATE_TEST_SUITE_P(Portals, WatchChannelTest,
                         testing::Values("PORTAL_URL", "PORTAL_URL_A", "PORTAL_URL_B"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(WatchChannelTest, ABoxMakesItsWholeStartSequence) {
  for (const auto& [type, action] :
       std::vector<std::pair<const char*, const char*>>{{"stb", "get_localization"},
                                                        {"stb", "get_modules"},
                                                        {"itv", "get_genres"},
                                                        {"itv", "get_fav_ids"},
                                                        {"itv", "get_epg_info"},
                                                        {"account_info", "get_main_info"}}) {
    EXPECT_THAT(box_.Call(type, action), IsOk()) << type << "/" << action;
  }
  ASSERT_OK_AND_ASSIGN(const std::vector<BoxChannel> channels, box_.ListChannels());
  EXPECT_THAT(channels, SizeIs(64));
  ASSERT_OK_AND_ASSIGN(const int groups, box_.CountGroups());
  EXPECT_THAT(groups, Ge(8));
  EXPECT_THAT(box_.Heartbeat(), IsOk());
}

TEST_P(WatchChannelTest, EveryChannelOfTheLineupOpens) {
  EXPECT_THAT(ChannelsOfKind(box_, /*encrypted=*/false), SizeIs(Ge(20)));
}

TEST_P(WatchChannelTest, AClearChannelShowsAPicture) {
  const std::vector<BoxChannel> clear = ChannelsOfKind(box_, /*encrypted=*/false);
  ASSERT_THAT(clear, Not(IsEmpty()));
  ASSERT_OK_AND_ASSIGN(const std::string link, box_.CreateLink(clear.front()));
  ASSERT_OK_AND_ASSIGN(const int frames, DecodeFrames(link, kFrames));
  EXPECT_EQ(frames, kFrames);
}

TEST_P(WatchChannelTest, AnEncryptedChannelShowsAPicture) {
  const std::vector<BoxChannel> encrypted = ChannelsOfKind(box_, /*encrypted=*/true);
  ASSERT_THAT(encrypted, Not(IsEmpty()));
  ASSERT_OK_AND_ASSIGN(const std::string link, box_.CreateLink(encrypted.front()));
  ASSERT_OK_AND_ASSIGN(const int frames, DecodeFrames(link, kFrames));
  EXPECT_EQ(frames, kFrames);
}

TEST_P(WatchChannelTest, TheGuideHasProgrammesOfToday) {
  ASSERT_OK_AND_ASSIGN(const int channels, box_.CountChannelsWithGuide());
  EXPECT_THAT(channels, Ge(10));
}

TEST_P(WatchChannelTest, FavouritesAreKept) {
  ASSERT_THAT(box_.Call("itv", "set_fav", {{"fav_ch", "1,3"}}), IsOk());
  // The next call may reach another instance, which follows the database.
  EXPECT_TRUE(Eventually([&] {
    const std::string ids = box_.Call("itv", "get_fav_ids").value_or("");
    return testing::Matches(AllOf(HasSubstr("\"1\""), HasSubstr("\"3\"")))(ids);
  }));
}

TEST(TokenTest, ATokenIssuedByOneInstanceIsHonouredByTheOther) {
  Box box = DemoBox("PORTAL_URL_A");
  ASSERT_THAT(box.LogIn(), IsOk());
  const std::string token = box.token();

  box.GoTo(Platform::Shared().Endpoint("PORTAL_URL_B"));
  ASSERT_OK_AND_ASSIGN(const std::vector<BoxChannel> channels, box.ListChannels());
  EXPECT_THAT(box.Zap(channels.front()), IsOk());
  ASSERT_THAT(box.LogIn(), IsOk());
  EXPECT_EQ(box.token(), token) << "the other instance issued a new token";
}

TEST(TokenTest, AForgedTokenGetsTheProtocolsOwnRefusal) {
  Box box = DemoBox("PORTAL_URL");
  ASSERT_THAT(box.LogIn(), IsOk());
  std::string forged = box.token();
  forged[forged.size() / 2] = forged[forged.size() / 2] == 'x' ? 'y' : 'x';
  box.set_token(forged);
  EXPECT_THAT(box.ListChannels(), HasMessage("Authorization failed."));
}

// Calls and queries that middleware-a has made so far, by its own metrics.
double QuestionsAsked() {
  double sum = 0;
  for (const char* metric : {"holdfast_pg_queries_total", "holdfast_redis_calls_total",
                             "holdfast_rpc_client_requests_total"}) {
    const absl::StatusOr<double> value = Platform::Shared().Metric("middleware-a", metric);
    EXPECT_THAT(value, IsOk());
    sum += value.value_or(0);
  }
  return sum;
}

TEST(ZapTest, AZapAsksNeitherNeighbourNorStore) {
  constexpr int kZaps = 1000;
  constexpr int kOfJobs = kZaps / 10;  // jobs ask now and then, however many zaps there are
  Box box = DemoBox("PORTAL_URL_A");
  ASSERT_THAT(box.LogIn(), IsOk());
  ASSERT_OK_AND_ASSIGN(const std::vector<BoxChannel> channels, box.ListChannels());
  ASSERT_THAT(box.CreateLink(channels.front()), IsOk());

  const double before = QuestionsAsked();
  for (int zap = 0; zap < kZaps; ++zap) {
    ASSERT_THAT(box.CreateLink(channels[zap % channels.size()]), IsOk()) << zap;
  }
  EXPECT_LT(QuestionsAsked() - before, kOfJobs);
}

TEST(EdgeTest, ALinkWorksForItsChannelOnly) {
  Box box = DemoBox("PORTAL_URL");
  ASSERT_THAT(box.LogIn(), IsOk());
  ASSERT_OK_AND_ASSIGN(const std::vector<BoxChannel> channels, box.ListChannels());
  ASSERT_OK_AND_ASSIGN(std::string link, box.CreateLink(channels[0]));
  const std::size_t at = link.find("/live/ch1/");
  ASSERT_NE(at, std::string::npos) << link;
  link.replace(at, 10, "/live/ch2/");
  EXPECT_THAT(FetchPlaylist(link), HasMessage("HTTP 403"));
}

}  // namespace
}  // namespace holdfast::test
