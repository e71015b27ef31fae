#include "services/cdn_routing/pg_store.h"

#include <gtest/gtest.h>

#include "libs/testing/status_matchers.h"
#include "libs/testing/test_postgres.h"

namespace holdfast::cdn_routing {
namespace {

using namespace std::chrono_literals;
using test::HasCode;
using test::HasMessage;
using test::IsOk;

class PgStoreTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_THAT(storage::Migrate(pool_, Migrations(), Soon()), IsOk()); }

  static storage::PgOptions Options() {
    test::TestPostgres& server = test::TestPostgres::Shared();
    return {.hosts = fmt::format("{}:{}", server.host(), server.port()),
            .database = server.NewDatabase(),
            .user = server.user(),
            .connections = 2};
  }
  static Deadline Soon() { return Deadline::After(20s); }

  void PutAlpha() {
    ASSERT_THAT(store_.PutCdn(Soon(), alpha_), IsOk());
    ASSERT_THAT(store_.PutSite(Soon(), north_), IsOk());
  }
  Inventory Load() {
    absl::StatusOr<Inventory> inventory = store_.Load(Soon());
    EXPECT_THAT(inventory, IsOk());
    return inventory.ok() ? *inventory : Inventory{};
  }

  telemetry::Metrics metrics_;
  storage::PgPool pool_{Options(), metrics_};
  PgStore store_{pool_};
  const Cdn alpha_{CdnId("alpha"), "Alpha", "alpha-1"};
  const Site north_{SiteId("north"), CdnId("alpha"), "a", "North"};
  const Edge edge_{.id = EdgeId("edge-1"),
                   .site = SiteId("north"),
                   .zone = "b",
                   .base_url = "http://127.0.0.1:8081",
                   .weight = 7,
                   .signing_key_id = "own",
                   .probe_url = "http://127.0.0.1:1/up"};
};

TEST_F(PgStoreTest, ANewDatabaseIsEmptyAtRevisionZero) {
  EXPECT_EQ(Load(), Inventory{});
  ASSERT_OK_AND_ASSIGN(const std::uint64_t revision, store_.Revision(Soon()));
  EXPECT_EQ(revision, 0u);
}

TEST_F(PgStoreTest, WhatWasPutIsLoaded) {
  PutAlpha();
  ASSERT_THAT(store_.PutEdge(Soon(), edge_, CdnId("alpha")), IsOk());
  EXPECT_EQ(Load(),
            (Inventory{.revision = 3, .cdns = {alpha_}, .sites = {north_}, .edges = {edge_}}));
}

TEST_F(PgStoreTest, EverythingIsSortedByBytes) {
  PutAlpha();
  for (const char* id : {"edge-b", "Edge-c", "edge-10", "edge_a", "edge-9"}) {
    Edge edge = edge_;
    edge.id = EdgeId(id);
    ASSERT_THAT(store_.PutEdge(Soon(), edge, CdnId()), IsOk());
  }
  std::vector<std::string> ids;
  for (const Edge& edge : Load().edges) ids.push_back(edge.id.value());
  EXPECT_EQ(ids, (std::vector<std::string>{"Edge-c", "edge-10", "edge-9", "edge-b", "edge_a"}));
}

TEST_F(PgStoreTest, PuttingAgainReplacesAndMovesTheRevision) {
  PutAlpha();
  ASSERT_THAT(store_.PutEdge(Soon(), edge_, CdnId()), IsOk());
  Edge moved = edge_;
  moved.base_url = "http://127.0.0.1:9";
  ASSERT_THAT(store_.PutEdge(Soon(), moved, CdnId()), IsOk());
  const Inventory loaded = Load();
  EXPECT_EQ(loaded.edges, std::vector<Edge>{moved});
  EXPECT_EQ(loaded.revision, 4u);
}

TEST_F(PgStoreTest, ADrainedEdgeStaysDrainedWhenItIsPutAgain) {
  PutAlpha();
  ASSERT_THAT(store_.PutEdge(Soon(), edge_, CdnId()), IsOk());
  ASSERT_THAT(store_.SetDraining(Soon(), edge_.id, true), IsOk());
  ASSERT_THAT(store_.SetDraining(Soon(), edge_.id, true), IsOk());
  ASSERT_THAT(store_.PutEdge(Soon(), edge_, CdnId()), IsOk());
  EXPECT_TRUE(Load().edges[0].draining);
  ASSERT_THAT(store_.SetDraining(Soon(), edge_.id, false), IsOk());
  EXPECT_FALSE(Load().edges[0].draining);
}

TEST_F(PgStoreTest, WhatIsNotThereIsNamed) {
  EXPECT_THAT(store_.PutSite(Soon(), north_), HasMessage("site.cdn_id: no cdn alpha"));
  EXPECT_THAT(store_.PutEdge(Soon(), edge_, CdnId()), HasMessage("edge.site: no site north"));
  EXPECT_THAT(store_.SetDraining(Soon(), edge_.id, true), HasCode(absl::StatusCode::kNotFound));
  EXPECT_EQ(Load().revision, 0u) << "a refused command changes nothing";
}

TEST_F(PgStoreTest, AnEdgeOfAnotherCdnThanItsSiteIsRefused) {
  PutAlpha();
  EXPECT_THAT(store_.PutEdge(Soon(), edge_, CdnId("beta")), HasMessage("edge.cdn_id"));
}

TEST_F(PgStoreTest, RemovingTwiceIsFine) {
  PutAlpha();
  ASSERT_THAT(store_.PutEdge(Soon(), edge_, CdnId()), IsOk());
  ASSERT_OK_AND_ASSIGN(const bool first, store_.RemoveEdge(Soon(), edge_.id));
  ASSERT_OK_AND_ASSIGN(const bool second, store_.RemoveEdge(Soon(), edge_.id));
  EXPECT_TRUE(first);
  EXPECT_FALSE(second);
  EXPECT_TRUE(Load().edges.empty());
}

}  // namespace
}  // namespace holdfast::cdn_routing
