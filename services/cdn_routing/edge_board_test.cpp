#include "services/cdn_routing/edge_board.h"

#include <gtest/gtest.h>

#include <cmath>

#include "holdfast/cdn_routing/v1/cdn_routing.pb.h"
#include "libs/testing/fake_clock.h"

namespace holdfast::cdn_routing {
namespace {

using namespace std::chrono_literals;
using Health = placement::Edge::Health;

class EdgeBoardTest : public ::testing::Test {
 protected:
  static Inventory With(std::initializer_list<std::string_view> ids) {
    Inventory inventory{.revision = 1,
                        .cdns = {{CdnId("alpha"), "", "alpha-1"}},
                        .sites = {{SiteId("north"), CdnId("alpha"), "a", ""}}};
    for (const std::string_view id : ids) {
      inventory.edges.push_back({.id = EdgeId(std::string(id)),
                                 .site = SiteId("north"),
                                 .base_url = "http://" + std::string(id)});
    }
    return inventory;
  }
  void Good(std::string_view id, Duration took = 2ms) {
    board_.Observe(EdgeId(std::string(id)), {.ok = true, .took = took});
  }
  void Bad(std::string_view id) {
    board_.Observe(EdgeId(std::string(id)), {.ok = false, .took = 400ms});
  }
  // Health by id, as followers see it now; empty: nothing was published.
  std::map<std::string, v1::Edge::Health> Published() {
    std::map<std::string, v1::Edge::Health> all;
    const replica::Update update = publication_.Next("", 0, Deadline::After(0ms));
    for (const auto& [key, value] : update.items) {
      v1::Edge edge;
      EXPECT_TRUE(edge.ParseFromString(*value));
      all[key] = edge.health();
    }
    return all;
  }
  Health HealthOf(std::string_view id) { return board_.Find(EdgeId(std::string(id)))->health; }
  double Up(std::string_view id) { return product_.edge_up.With({id, "alpha", "north"}).value(); }

  test::FakeClock clock_;
  telemetry::Metrics metrics_;
  Metrics product_{metrics_};
  replica::Publication publication_{{.name = "edges"}};
  EdgeBoard board_{{}, publication_, product_, clock_};
};

TEST_F(EdgeBoardTest, NothingIsPublishedBeforeThereIsAnInventory) {
  EXPECT_EQ(publication_.revision(), 0u);
  board_.SetInventory({});
  EXPECT_EQ(publication_.revision(), 0u) << "an empty start is not news";
  EXPECT_EQ(board_.table()->edges.Best("ch-1", "a"), nullptr);
}

TEST_F(EdgeBoardTest, TheFirstPublicationWaitsForOneProbeOfEach) {
  board_.SetInventory(With({"e1", "e2"}));
  Good("e1");
  EXPECT_TRUE(Published().empty());
  Bad("e2");
  EXPECT_EQ(Published(), (std::map<std::string, v1::Edge::Health>{{"e1", v1::Edge::HEALTH_UP},
                                                                  {"e2", v1::Edge::HEALTH_DOWN}}));
}

TEST_F(EdgeBoardTest, ButNotForEver) {
  board_.SetInventory(With({"e1", "e2"}));
  Good("e1");
  clock_.Advance(1s);
  Good("e1");
  EXPECT_EQ(Published().size(), 2u);
}

TEST_F(EdgeBoardTest, EdgesCanBeUsedBeforeTheFirstProbe) {
  board_.SetInventory(With({"e1", "e2"}));
  EXPECT_NE(board_.table()->edges.Best("ch-1", "a"), nullptr);
}

TEST_F(EdgeBoardTest, AChangedVerdictIsPublishedAtOnce) {
  board_.SetInventory(With({"e1", "e2", "e3"}));
  for (const char* id : {"e1", "e2", "e3"}) Good(id);
  const std::uint64_t before = publication_.revision();
  Bad("e2");
  EXPECT_EQ(publication_.revision(), before);
  Bad("e2");
  EXPECT_EQ(publication_.revision(), before + 1);
  EXPECT_EQ(Published()["e2"], v1::Edge::HEALTH_DOWN);
  EXPECT_EQ(HealthOf("e2"), Health::kDown);
  EXPECT_EQ(Up("e2"), 0);
  EXPECT_EQ(Up("e1"), 1);
}

TEST_F(EdgeBoardTest, ASlowEdgeIsPublishedWithLessWeight) {
  board_.SetInventory(With({"e1"}));
  for (int i = 0; i < 3; ++i) Good("e1", 300ms);
  EXPECT_EQ(board_.Find(EdgeId("e1"))->weight, 10);
  EXPECT_EQ(board_.table()->edges.edges()[0].weight, 10);
}

TEST_F(EdgeBoardTest, ADrainedEdgeKeepsItsScore) {
  Inventory inventory = With({"e1", "e2", "e3"});
  board_.SetInventory(inventory);
  for (const char* id : {"e1", "e2", "e3"}) Good(id);
  inventory.edges[0].draining = true;
  board_.SetInventory(inventory);
  EXPECT_EQ(HealthOf("e1"), Health::kDraining);
  EXPECT_EQ(Published()["e1"], v1::Edge::HEALTH_DRAINING);
  EXPECT_NE(board_.table()->edges.Best("ch-1", "a")->id, "e1");
  inventory.edges[0].draining = false;
  board_.SetInventory(inventory);
  EXPECT_EQ(HealthOf("e1"), Health::kUp);
}

TEST_F(EdgeBoardTest, AnEdgeThatMovedIsJudgedAnew) {
  Inventory inventory = With({"e1"});
  board_.SetInventory(inventory);
  Good("e1");
  inventory.edges[0].base_url = "http://elsewhere";
  board_.SetInventory(inventory);
  EXPECT_EQ(HealthOf("e1"), Health::kDown);
  Good("e1");
  EXPECT_EQ(HealthOf("e1"), Health::kUp);
}

TEST_F(EdgeBoardTest, ARemovedEdgeIsGoneAndALateProbeOfItIsIgnored) {
  board_.SetInventory(With({"e1", "e2"}));
  Good("e1");
  Good("e2");
  board_.SetInventory(With({"e2"}));
  Bad("e1");
  EXPECT_EQ(Published().size(), 1u);
  EXPECT_TRUE(std::isnan(Up("e1")));
  board_.SetInventory({.revision = 9});
  EXPECT_TRUE(Published().empty());
}

}  // namespace
}  // namespace holdfast::cdn_routing
