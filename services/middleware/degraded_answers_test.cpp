// Which answers say that they are old when which of the things they are made from is: a table.
#include <gmock/gmock.h>

#include <set>

#include "holdfast/analytics/v1/analytics.pb.h"
#include "services/middleware/apps_fixture_test.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

enum class Model { kLineup, kCatalogue, kGuide, kPopularity, kEdges };
constexpr Model kModels[] = {Model::kLineup, Model::kCatalogue, Model::kGuide, Model::kPopularity,
                             Model::kEdges};

std::string NeighbourOf(Model model) {
  switch (model) {
    case Model::kGuide:
      return "epg";
    case Model::kPopularity:
      return "analytics";
    case Model::kEdges:
      return "cdn_routing";
    default:
      return "postgres";
  }
}

struct Row {
  std::string what;  // "type/action&fields" of a box, or a path of an app
  std::set<Model> made_from;
};

class DegradedAnswersTest : public testing::Test {
 protected:
  void SetUp() override {
    box().HaveEverything();
    app_.HaveLogin("ada", "pa", "acc-1");
    Full(replica(Model::kCatalogue));
    Full(replica(Model::kPopularity));
    box().LogIn();
  }
  PortalFixture& box() { return app_.box(); }
  replica::ReplicaBase& replica(Model model) {
    ReadModels& models = box().portal().models();
    switch (model) {
      case Model::kLineup:
        return models.lineup_replica();
      case Model::kCatalogue:
        return models.catalogue_replica();
      case Model::kGuide:
        return models.guide_replica();
      case Model::kPopularity:
        return models.popularity_replica();
      case Model::kEdges:
        return models.edges_replica();
    }
    return models.lineup_replica();
  }
  void Full(replica::ReplicaBase& replica) {
    analytics::v1::ChannelPopularity any;
    replica::Update update{.kind = replica::Update::Kind::kFull, .epoch = "test", .revision = 1};
    if (&replica == &box().portal().models().popularity_replica()) {
      update.items.emplace_back("news-1", MakeShared(any.SerializeAsString()));
    } else {
      v1::CatalogueItem item;
      item.mutable_category()->set_category_id(3);
      item.mutable_category()->set_title("Films");
      update.items.emplace_back("c3", MakeShared(item.SerializeAsString()));
    }
    ASSERT_THAT(replica.Apply(update), test::IsOk());
  }
  // Time passes, and all but `silent` are heard of.
  void LetOneGrowOld(Model silent) {
    box().clock().Advance(30s);
    for (const Model model : kModels) {
      if (model == silent) continue;
      ASSERT_THAT(replica(model).Apply({.kind = replica::Update::Kind::kHeartbeat,
                                        .epoch = replica(model).epoch(),
                                        .revision = replica(model).revision()}),
                  test::IsOk());
      ASSERT_FALSE(StaleSince(replica(model)).has_value());
    }
    ASSERT_TRUE(StaleSince(replica(silent)).has_value());
  }
  std::string DegradedOf(const std::string& what) {
    if (what.starts_with('/')) {
      const char sign = what.find('?') == std::string::npos ? '?' : '&';
      const AppAnswer answer = app_.Get(what + sign + "username=ada&password=pa");
      EXPECT_EQ(answer.status, 200) << what;
      return answer.degraded;
    }
    const std::size_t slash = what.find('/'), fields = what.find('&');
    const BoxAnswer answer =
        box().Call(what.substr(0, slash), what.substr(slash + 1, fields - slash - 1),
                   fields == std::string::npos ? "" : what.substr(fields + 1));
    EXPECT_EQ(answer.status, 200) << what;
    return answer.Header("X-Degraded");
  }

  AppsFixture app_;
};

// What belongs to a viewer is read from PostgreSQL, which is never there in this test: such answers
// (vod/get_ordered_list, radio lists) are always marked and say nothing here.
const Row kRows[] = {
    {"itv/get_all_channels", {Model::kLineup}},
    {"itv/get_genres", {Model::kLineup}},
    {"itv/get_all_fav_channels", {Model::kLineup}},
    {"itv/get_ordered_list&genre=*&p=1", {Model::kLineup, Model::kGuide}},
    {"itv/get_ordered_list&genre=10&p=1", {Model::kLineup, Model::kGuide}},
    {"itv/get_ordered_list&genre=77&p=1", {Model::kLineup, Model::kGuide}},
    {"itv/get_ordered_list&genre=*&p=1&sortby=top",
     {Model::kLineup, Model::kGuide, Model::kPopularity}},
    {"itv/get_short_epg&ch_id=1", {Model::kLineup, Model::kGuide}},
    {"itv/get_short_epg&ch_id=9", {Model::kLineup, Model::kGuide}},
    {"itv/get_epg_info&period=3", {Model::kLineup, Model::kGuide}},
    {"itv/create_link&cmd=/ch/1", {Model::kEdges}},
    {"epg/get_simple_data_table&ch_id=1", {Model::kLineup, Model::kGuide}},
    {"epg/get_data_table&ch_id=1", {Model::kLineup, Model::kGuide}},
    {"epg/get_all_program_for_ch&ch_id=1", {Model::kLineup, Model::kGuide}},
    {"vod/get_categories", {Model::kCatalogue}},
    {"series/get_categories", {Model::kCatalogue}},
    {"vod/get_genres_by_category_alias&cat_alias=x", {Model::kCatalogue}},
    {"vod/get_years", {Model::kCatalogue}},
    {"/player_api.php?action=get_live_categories", {Model::kLineup}},
    {"/player_api.php?action=get_live_streams", {Model::kLineup}},
    {"/player_api.php?action=get_vod_categories", {Model::kCatalogue}},
    {"/player_api.php?action=get_vod_streams", {Model::kCatalogue}},
    {"/player_api.php?action=get_series_categories", {Model::kCatalogue}},
    {"/player_api.php?action=get_series", {Model::kCatalogue}},
    {"/player_api.php?action=get_vod_info&vod_id=1", {Model::kCatalogue}},
    {"/player_api.php?action=get_short_epg&stream_id=1", {Model::kLineup, Model::kGuide}},
    {"/player_api.php?action=get_simple_data_table&stream_id=1", {Model::kLineup, Model::kGuide}},
    {"/panel_api.php", {Model::kLineup, Model::kCatalogue}},
    {"/get.php?type=m3u_plus", {Model::kLineup, Model::kCatalogue}},
    {"/xmltv.php", {Model::kLineup, Model::kGuide}},
};

TEST_F(DegradedAnswersTest, NothingIsMarkedWhileEverybodyIsHeardOf) {
  for (const Row& row : kRows) {
    const std::string degraded = DegradedOf(row.what);
    for (const Model model : kModels) {
      EXPECT_THAT(degraded, Not(HasSubstr(NeighbourOf(model)))) << row.what;
    }
  }
}

class OneIsOldTest : public DegradedAnswersTest, public testing::WithParamInterface<Model> {};

TEST_P(OneIsOldTest, ExactlyWhatIsMadeFromItSaysSo) {
  for (const bool rendered : {false, true}) {  // first now, then from what is kept
    LetOneGrowOld(GetParam());
    for (const Row& row : kRows) {
      const std::string degraded = DegradedOf(row.what);
      const std::string mark = NeighbourOf(GetParam()) + ";age=";
      if (row.made_from.contains(GetParam())) {
        EXPECT_THAT(degraded, HasSubstr(mark)) << row.what << rendered;
      } else {
        EXPECT_THAT(degraded, Not(HasSubstr(mark))) << row.what << rendered;
      }
    }
  }
}

std::string NameOfModel(const testing::TestParamInfo<Model>& info) {
  constexpr const char* kNames[] = {"Lineup", "Catalogue", "Guide", "Popularity", "Edges"};
  return kNames[static_cast<std::size_t>(info.param)];
}

INSTANTIATE_TEST_SUITE_P(Models, OneIsOldTest, testing::ValuesIn(kModels), NameOfModel);

TEST_F(DegradedAnswersTest, AnOrderByPopularityThatNobodyToldIsMarked) {
  PortalFixture other;
  other.HaveEverything();
  other.LogIn();
  EXPECT_THAT(other.Call("itv", "get_ordered_list", "genre=*&p=1&sortby=top").Header("X-Degraded"),
              HasSubstr("analytics"));
}

}  // namespace
}  // namespace holdfast::middleware
