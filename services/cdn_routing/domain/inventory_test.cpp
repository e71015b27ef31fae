#include "services/cdn_routing/domain/inventory.h"

#include <gtest/gtest.h>

#include "libs/testing/status_matchers.h"
#include "services/cdn_routing/domain/probe_url.h"

namespace holdfast::cdn_routing {
namespace {

using test::HasMessage;
using test::IsOk;

Edge GoodEdge() {
  return {.id = EdgeId("edge-1"), .site = SiteId("north"), .base_url = "http://127.0.0.1:8081"};
}

TEST(InventoryCheckTest, GoodThingsPass) {
  EXPECT_THAT(Check(Cdn{CdnId("alpha"), "Alpha CDN – north", "alpha-1"}), IsOk());
  EXPECT_THAT(Check(Site{SiteId("alpha-north"), CdnId("alpha"), "a", ""}), IsOk());
  EXPECT_THAT(Check(GoodEdge()), IsOk());
}

TEST(InventoryCheckTest, ErrorsNameTheField) {
  EXPECT_THAT(Check(Cdn{}), HasMessage("cdn.cdn_id"));
  EXPECT_THAT(Check(Cdn{CdnId("a/b"), "", ""}), HasMessage("cdn.cdn_id"));
  EXPECT_THAT(Check(Cdn{CdnId("a"), "tab\t", ""}), HasMessage("cdn.name"));
  EXPECT_THAT(Check(Cdn{CdnId("a"), "", "../key"}), HasMessage("cdn.signing_key_id"));
  EXPECT_THAT(Check(Site{SiteId("s"), CdnId(""), "", ""}), HasMessage("site.cdn_id"));
  EXPECT_THAT(Check(Site{SiteId("s"), CdnId("a"), "a b", ""}), HasMessage("site.zone"));
}

TEST(InventoryCheckTest, AnEdgeNeedsAUrlThatPlayersCanUse) {
  for (const char* bad : {"", "127.0.0.1:80", "ftp://h", "http://", "http://h/", "http://h:0",
                          "http://h:99999", "http://h?x", "http://h x", "http://h\"",
                          "http://h\r\nX: y", "http://[::1", "http://:80", "https://h:x"}) {
    Edge edge = GoodEdge();
    edge.base_url = bad;
    edge.probe_url = "http://h/health";
    EXPECT_THAT(Check(edge), HasMessage("edge.base_url")) << bad;
  }
  for (const char* good : {"http://h", "https://cdn.example:8443/live", "http://[::1]:8081"}) {
    Edge edge = GoodEdge();
    edge.base_url = good;
    edge.probe_url = "http://h/health";
    EXPECT_THAT(Check(edge), IsOk()) << good;
  }
}

TEST(InventoryCheckTest, AnHttpsEdgeNeedsAPlainProbeAddress) {
  Edge edge = GoodEdge();
  edge.base_url = "https://cdn.example";
  EXPECT_THAT(Check(edge), HasMessage("edge.probe_url"));
  edge.probe_url = "https://cdn.example/health";
  EXPECT_THAT(Check(edge), HasMessage("edge.probe_url"));
  edge.probe_url = "http://10.0.0.1:9000/health";
  EXPECT_THAT(Check(edge), IsOk());
}

TEST(InventoryCheckTest, TheWeightIsBounded) {
  Edge edge = GoodEdge();
  edge.weight = 0;
  EXPECT_THAT(Check(edge), HasMessage("edge.weight"));
  edge.weight = 1001;
  EXPECT_THAT(Check(edge), HasMessage("edge.weight"));
}

TEST(ProbeUrlTest, AUrlIsTakenApart) {
  ASSERT_OK_AND_ASSIGN(const ProbeUrl plain, ParseProbeUrl("http://edge.example/health?x=1"));
  EXPECT_EQ(plain, (ProbeUrl{"edge.example", 80, "/health?x=1", "edge.example"}));
  ASSERT_OK_AND_ASSIGN(const ProbeUrl v6, ParseProbeUrl("http://[::1]:8081"));
  EXPECT_EQ(v6, (ProbeUrl{"::1", 8081, "/", "[::1]:8081"}));
}

Inventory Demo() {
  return {.revision = 7,
          .cdns = {{CdnId("alpha"), "", "alpha-1"}},
          .sites = {{SiteId("north"), CdnId("alpha"), "a", ""}},
          .edges = {GoodEdge()}};
}

TEST(PlaceTest, AnEdgeInheritsFromItsSiteAndCdn) {
  const std::vector<PlacedEdge> placed = Place(Demo());
  ASSERT_EQ(placed.size(), 1u);
  EXPECT_EQ(placed[0].cdn, CdnId("alpha"));
  EXPECT_EQ(placed[0].zone, "a");
  EXPECT_EQ(placed[0].signing_key_id, "alpha-1");
  EXPECT_EQ(placed[0].probe_url, "http://127.0.0.1:8081/health");
}

TEST(PlaceTest, WhatTheEdgeSaysItselfWins) {
  Inventory inventory = Demo();
  inventory.edges[0].zone = "b";
  inventory.edges[0].signing_key_id = "own";
  inventory.edges[0].probe_url = "http://10.0.0.1/up";
  const std::vector<PlacedEdge> placed = Place(inventory);
  EXPECT_EQ(placed[0].zone, "b");
  EXPECT_EQ(placed[0].signing_key_id, "own");
  EXPECT_EQ(placed[0].probe_url, "http://10.0.0.1/up");
}

TEST(PlaceTest, AnEdgeWithoutAKnownSiteIsLeftOut) {
  Inventory inventory = Demo();
  inventory.sites.clear();
  EXPECT_TRUE(Place(inventory).empty());
}

TEST(MayReplaceTest, OnlyAnOlderEmptyInventoryIsRefused) {
  const Inventory held = Demo();
  EXPECT_FALSE(MayReplace(held, {.revision = 0}));
  EXPECT_FALSE(MayReplace(held, {.revision = 7}));
  EXPECT_TRUE(MayReplace(held, {.revision = 8})) << "the last edge was removed";
  Inventory restored = Demo();
  restored.revision = 3;
  EXPECT_TRUE(MayReplace(held, restored)) << "a database restored from an older backup";
  EXPECT_TRUE(MayReplace({}, {.revision = 0}));
}

}  // namespace
}  // namespace holdfast::cdn_routing
