#include "services/cdn_routing/convert.h"

#include <gtest/gtest.h>

#include "libs/base/random.h"
#include "libs/testing/status_matchers.h"

namespace holdfast::cdn_routing {
namespace {

using test::HasCode;
using test::HasMessage;

Inventory Demo() {
  return {
      .revision = 7,
      .cdns = {{CdnId("alpha"), "Alpha", "alpha-1"}},
      .sites = {{SiteId("north"), CdnId("alpha"), "a", "North"}},
      .edges = {{.id = EdgeId("edge-1"), .site = SiteId("north"), .base_url = "http://127.0.0.1:1"},
                {.id = EdgeId("edge-2"),
                 .site = SiteId("north"),
                 .zone = "b",
                 .base_url = "https://edge.example",
                 .weight = 7,
                 .signing_key_id = "own",
                 .probe_url = "http://10.0.0.1/up",
                 .draining = true}}};
}

TEST(ConvertTest, AnInventoryComesBackFromItsFile) {
  ASSERT_OK_AND_ASSIGN(const Inventory read, FromFile(ToFile(Demo())));
  EXPECT_EQ(read, Demo());
}

TEST(ConvertTest, AFileWithSomethingThatFailsTheChecksIsRefused) {
  Inventory bad = Demo();
  bad.edges[0].base_url = "javascript:alert(1)";
  EXPECT_THAT(FromFile(ToFile(bad)), HasCode(absl::StatusCode::kDataLoss));
}

TEST(ConvertTest, DamagedFilesNeverDoMoreThanFail) {
  const std::uint64_t seed = SecureSeed();
  SCOPED_TRACE(seed);
  SeededRandom random(seed);
  const std::string good = ToFile(Demo());
  for (int i = 0; i < 5000; ++i) {
    std::string bytes = good;
    bytes[random.Below(bytes.size())] = static_cast<char>(random.Below(256));
    bytes.resize(random.Below(bytes.size() + 1));
    const absl::StatusOr<Inventory> read = FromFile(bytes);
    if (!read.ok()) continue;
    for (const Edge& edge : read->edges) ASSERT_TRUE(Check(edge).ok());
  }
}

TEST(ConvertTest, AnEdgeWithoutWeightGetsTheDefault) {
  v1::Edge proto;
  proto.set_edge_id("edge-1");
  proto.set_site("north");
  proto.set_base_url("http://127.0.0.1:1");
  ASSERT_OK_AND_ASSIGN(const Edge edge, Parse(proto));
  EXPECT_EQ(edge.weight, 100);
  proto.set_weight(-1);
  EXPECT_THAT(Parse(proto), HasMessage("edge.weight"));
}

TEST(ConvertTest, ALiveEdgeShowsItsHealthAndWhatIsLeftOfItsWeight) {
  LiveEdge live{.edge = Place(Demo())[0],
                .health = placement::Edge::Health::kDraining,
                .degraded = true,
                .weight = 10};
  const v1::Edge proto = ToProto(live);
  EXPECT_EQ(proto.cdn_id(), "alpha");
  EXPECT_EQ(proto.zone(), "a");
  EXPECT_EQ(proto.signing_key_id(), "alpha-1");
  EXPECT_EQ(proto.health(), v1::Edge::HEALTH_DRAINING);
  EXPECT_EQ(proto.weight(), 10);
}

}  // namespace
}  // namespace holdfast::cdn_routing
