#include "libs/placement/placement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>

#include "libs/testing/temp_dir.h"

namespace holdfast::placement {
namespace {

using testing::ElementsAre;

Edge MakeEdge(int n, std::string zone = "a") {
  return {.id = "edge-" + std::to_string(n),
          .cdn = "own",
          .site = "site-" + zone,
          .zone = std::move(zone),
          .base_url = "http://edge-" + std::to_string(n)};
}

std::vector<Edge> MakeEdges(int count) {
  std::vector<Edge> edges;
  for (int n = 0; n < count; ++n) edges.push_back(MakeEdge(n));
  return edges;
}

std::string Channel(int n) { return "ch-" + std::to_string(n); }

std::vector<std::string> Ids(const std::vector<const Edge*>& edges) {
  std::vector<std::string> ids;
  for (const Edge* edge : edges) ids.push_back(edge->id);
  return ids;
}

// How many of `channels` channels each edge gets.
std::map<std::string, int> Shares(const EdgeTable& table, int channels) {
  std::map<std::string, int> shares;
  for (int n = 0; n < channels; ++n) ++shares[table.Best(Channel(n), "a")->id];
  return shares;
}

TEST(EdgeTable, AnEmptyTableHasNoBest) {
  const EdgeTable table({});
  EXPECT_EQ(table.Best("ch-1", "a"), nullptr);
  EXPECT_TRUE(table.Rank("ch-1", "a").empty());
}

TEST(EdgeTable, BestIsTheFirstOfTheRank) {
  std::vector<Edge> edges = MakeEdges(30);
  for (std::size_t i = 0; i < edges.size(); ++i) {
    edges[i].zone = i % 3 == 0 ? "a" : "b";
    edges[i].weight = static_cast<int>(i % 5) * 50;
    if (i % 7 == 0) edges[i].health = Edge::Health::kDown;
    if (i % 11 == 0) edges[i].health = Edge::Health::kDraining;
  }
  const EdgeTable table(edges);
  for (int n = 0; n < 500; ++n) {
    for (const std::string_view zone : {"a", "b", "elsewhere"}) {
      EXPECT_EQ(table.Best(Channel(n), zone), table.Rank(Channel(n), zone).front());
    }
  }
}

TEST(EdgeTable, WhenAnEdgeGoesOnlyItsChannelsMove) {
  std::vector<Edge> edges = MakeEdges(20);
  const EdgeTable before(edges);
  edges.erase(edges.begin() + 7);
  const EdgeTable after(edges);
  for (int n = 0; n < 2000; ++n) {
    const auto rank = Ids(before.Rank(Channel(n), "a"));
    const std::string& now = after.Best(Channel(n), "a")->id;
    EXPECT_EQ(now, rank[0] == "edge-7" ? rank[1] : rank[0]);
  }
}

TEST(EdgeTable, WhenAnEdgeComesItTakesItsShareAndNothingElseMoves) {
  std::vector<Edge> edges = MakeEdges(9);
  const EdgeTable before(edges);
  edges.push_back(MakeEdge(9));
  const EdgeTable after(edges);
  int moved = 0;
  for (int n = 0; n < 10000; ++n) {
    const std::string& was = before.Best(Channel(n), "a")->id;
    const std::string& now = after.Best(Channel(n), "a")->id;
    if (was == now) continue;
    ++moved;
    EXPECT_EQ(now, "edge-9");
  }
  EXPECT_NEAR(moved, 1000, 120);  // four standard deviations
}

TEST(EdgeTable, ChannelsSpreadByWeight) {
  std::vector<Edge> edges = MakeEdges(4);
  edges[0].weight = 50;
  edges[1].weight = 100;
  edges[2].weight = 150;
  edges[3].weight = 200;
  constexpr int kChannels = 50000;
  const auto shares = Shares(EdgeTable(edges), kChannels);
  for (const Edge& edge : edges) {
    const double share = edge.weight / 500.0;
    const double tolerance = 4 * std::sqrt(kChannels * share * (1 - share));
    EXPECT_NEAR(shares.at(edge.id), kChannels * share, tolerance) << edge.id;
  }
}

TEST(EdgeTable, ALighterEdgeGivesChannelsAwayAndTakesNone) {
  std::vector<Edge> edges = MakeEdges(6);
  const EdgeTable before(edges);
  edges[2].weight = 40;
  const EdgeTable after(edges);
  for (int n = 0; n < 5000; ++n) {
    const std::string& was = before.Best(Channel(n), "a")->id;
    if (was != "edge-2") {
      EXPECT_EQ(after.Best(Channel(n), "a")->id, was);
    }
  }
}

TEST(EdgeTable, TheOwnZoneComesFirstAndTheOthersFollow) {
  const EdgeTable table({MakeEdge(0, "a"), MakeEdge(1, "a"), MakeEdge(2, "b"), MakeEdge(3, "b")});
  for (int n = 0; n < 100; ++n) {
    const auto rank = table.Rank(Channel(n), "b");
    ASSERT_EQ(rank.size(), 4u);
    EXPECT_EQ(rank[0]->zone, "b");
    EXPECT_EQ(rank[1]->zone, "b");
    EXPECT_EQ(rank[2]->zone, "a");
  }
}

TEST(EdgeTable, DrainingThenDownEdgesComeLastWhateverTheirZone) {
  std::vector<Edge> edges = {MakeEdge(0, "a"), MakeEdge(1, "b"), MakeEdge(2, "a"), MakeEdge(3, "b"),
                             MakeEdge(4, "a")};
  edges[0].health = Edge::Health::kDown;
  edges[2].health = Edge::Health::kDraining;
  const EdgeTable table(edges);
  for (int n = 0; n < 100; ++n) {
    const auto rank = Ids(table.Rank(Channel(n), "a"));
    EXPECT_EQ(rank[0], "edge-4");
    EXPECT_EQ(rank[3], "edge-2");
    EXPECT_EQ(rank[4], "edge-0");
  }
}

TEST(EdgeTable, AnEdgeOfWeightZeroGetsNobodyWhileAnotherIsUp) {
  std::vector<Edge> edges = MakeEdges(2);
  edges[0].weight = 0;
  const EdgeTable table(edges);
  for (int n = 0; n < 100; ++n) EXPECT_EQ(table.Best(Channel(n), "a")->id, "edge-1");
}

TEST(EdgeTable, WhenMostEdgesLookDownHealthIsIgnored) {
  std::vector<Edge> edges = MakeEdges(5);
  const auto healthy = Shares(EdgeTable(edges), 1000);
  for (int n = 0; n < 3; ++n) edges[n].health = Edge::Health::kDown;
  EXPECT_EQ(Shares(EdgeTable(edges), 1000), healthy);
}

TEST(EdgeTable, ExactlyHalfUpIsNoPanic) {
  std::vector<Edge> edges = MakeEdges(4);
  edges[0].health = edges[1].health = Edge::Health::kDown;
  for (const auto& [id, count] : Shares(EdgeTable(edges), 1000)) {
    EXPECT_TRUE(id == "edge-2" || id == "edge-3");
  }
}

TEST(EdgeTable, DrainingIsWantedAndCausesNoPanic) {
  std::vector<Edge> edges = MakeEdges(4);
  for (int n = 0; n < 3; ++n) edges[n].health = Edge::Health::kDraining;
  for (int n = 0; n < 100; ++n) EXPECT_EQ(EdgeTable(edges).Best(Channel(n), "a")->id, "edge-3");
}

TEST(EdgeTable, AllDownOrAllDrainingStillGivesAnEdge) {
  for (const Edge::Health health : {Edge::Health::kDown, Edge::Health::kDraining}) {
    std::vector<Edge> edges = MakeEdges(3);
    for (Edge& edge : edges) edge.health = health;
    EXPECT_NE(EdgeTable(edges).Best("ch-1", "a"), nullptr);
  }
}

// Middleware and cdn_routing must agree, also while two releases run side by side: these values
// never change.
TEST(EdgeTable, TheOrderIsTheSameInEveryProcess) {
  const EdgeTable equal(MakeEdges(5));
  EXPECT_THAT(Ids(equal.Rank("ch-1", "a")), ElementsAre("edge-2", "edge-4", "edge-0", "edge-3", "edge-1"));
  EXPECT_THAT(Ids(equal.Rank("ch-2", "a")), ElementsAre("edge-3", "edge-4", "edge-0", "edge-2", "edge-1"));
  std::vector<Edge> edges = MakeEdges(5);
  edges[1].weight = 300;
  const EdgeTable weighted(edges);
  EXPECT_THAT(Ids(weighted.Rank("ch-1", "a")), ElementsAre("edge-2", "edge-4", "edge-0", "edge-1", "edge-3"));
  EXPECT_THAT(Ids(weighted.Rank("ch-3", "a")), ElementsAre("edge-1", "edge-0", "edge-3", "edge-4", "edge-2"));
}

TEST(LinkOn, SignsWithTheSecretOfTheEdgesCdn) {
  Edge edge = MakeEdge(1);
  edge.signing_key_id = "own-1";
  LinkSecrets secrets;
  secrets.Set("own-1", "sesame");
  EXPECT_EQ(LinkOn(edge,
                   {.directory = "live/ch-7",
                    .file = "index.m3u8",
                    .play_token = "",
                    .expires = FromEpochSeconds(1767348000)},
                   secrets),
            "http://edge-1/s/KnjeS_WhLBlHGE829RIwSA/1767348000/-/live/ch-7/index.m3u8");
}

TEST(LinkOn, WithoutTheSecretThereIsNoLink) {
  Edge edge = MakeEdge(1);
  edge.signing_key_id = "foreign";
  EXPECT_EQ(LinkOn(edge, {.directory = "live/ch-7", .file = "index.m3u8"}, LinkSecrets()), "");
}

TEST(LinkOn, AnEdgeWithoutSigningGetsAPlainLink) {
  const Edge edge = MakeEdge(1);
  EXPECT_EQ(LinkOn(edge, {.directory = "live/ch-7", .file = "index.m3u8"}, LinkSecrets()),
            "http://edge-1/live/ch-7/index.m3u8");
  EXPECT_EQ(LinkOn(edge, {.directory = "live/ch-7", .file = "index.m3u8", .play_token = "k.p.s"},
                   LinkSecrets()),
            "http://edge-1/live/ch-7/index.m3u8?token=k.p.s");
}

TEST(LinkSecrets, AreReadFromAFolderTrimmed) {
  const test::TempDir dir;
  std::ofstream(dir.File("own-1.key")) << "  sesame\n";
  std::ofstream(dir.File("empty.key")) << "\n";
  std::ofstream(dir.File("notes.txt")) << "not a secret";
  const LinkSecrets secrets = LinkSecrets::Load(dir.path());
  ASSERT_NE(secrets.Get("own-1"), nullptr);
  EXPECT_EQ(*secrets.Get("own-1"), "sesame");
  EXPECT_EQ(secrets.Get("empty"), nullptr);
  EXPECT_EQ(secrets.Get("notes"), nullptr);
  EXPECT_EQ(LinkSecrets::Load(dir.File("absent")).Get("own-1"), nullptr);
}

}  // namespace
}  // namespace holdfast::placement
