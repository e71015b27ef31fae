#include "services/cdn_routing/jobs.h"

#include <gtest/gtest.h>

#include <fstream>

#include "libs/base/status.h"
#include "libs/testing/fake_clock.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/temp_dir.h"

namespace holdfast::cdn_routing {
namespace {

using namespace std::chrono_literals;
using test::HasCode;
using test::IsOk;

// A database in memory whose failures the test decides (pg_store_test.cpp has the real one).
class ScriptedStore final : public Store {
 public:
  absl::Status PutCdn(Deadline, const Cdn&) override { return absl::OkStatus(); }
  absl::Status PutSite(Deadline, const Site&) override { return absl::OkStatus(); }
  absl::Status PutEdge(Deadline, const Edge&, const CdnId&) override { return absl::OkStatus(); }
  absl::Status SetDraining(Deadline, const EdgeId&, bool) override { return absl::OkStatus(); }
  absl::StatusOr<bool> RemoveEdge(Deadline, const EdgeId&) override { return true; }
  absl::StatusOr<std::uint64_t> Revision(Deadline) override {
    if (!status.ok()) return status;
    return inventory.revision;
  }
  absl::StatusOr<Inventory> Load(Deadline) override {
    ++loads;
    if (!status.ok()) return status;
    return inventory;
  }

  absl::Status status;
  Inventory inventory;
  int loads = 0;
};

class InventoryFollowerTest : public ::testing::Test {
 protected:
  InventoryFollowerTest() {
    store_.inventory = {
        .revision = 5,
        .cdns = {{CdnId("alpha"), "", ""}},
        .sites = {{SiteId("north"), CdnId("alpha"), "a", ""}},
        .edges = {{.id = EdgeId("e1"), .site = SiteId("north"), .base_url = "http://e1"}}};
  }
  std::unique_ptr<InventoryFollower> Start() {
    auto follower = std::make_unique<InventoryFollower>(
        store_, dir_.File("inventory.snapshot"), [this](const Inventory&) { ++changes_; }, product_,
        clock_);
    follower->LoadFromDisk();
    return follower;
  }
  absl::Status Refresh(InventoryFollower& follower) {
    return follower.Refresh(Deadline::After(1s));
  }

  test::TempDir dir_;
  test::FakeClock clock_;
  telemetry::Metrics metrics_;
  Metrics product_{metrics_};
  ScriptedStore store_;
  int changes_ = 0;
};

TEST_F(InventoryFollowerTest, ItLoadsOnlyWhatChanged) {
  const auto follower = Start();
  EXPECT_FALSE(follower->known());
  for (int i = 0; i < 3; ++i) ASSERT_THAT(Refresh(*follower), IsOk());
  EXPECT_EQ(store_.loads, 1);
  EXPECT_EQ(changes_, 1);
  EXPECT_EQ(*follower->current(), store_.inventory);
  ++store_.inventory.revision;
  ASSERT_THAT(Refresh(*follower), IsOk());
  EXPECT_EQ(changes_, 2);
}

TEST_F(InventoryFollowerTest, AnEmptyNewDatabaseIsKnowledgeToo) {
  store_.inventory = {};
  const auto follower = Start();
  ASSERT_THAT(Refresh(*follower), IsOk());
  EXPECT_TRUE(follower->known());
}

TEST_F(InventoryFollowerTest, WithoutTheDatabaseItStartsFromDisk) {
  ASSERT_THAT(Refresh(*Start()), IsOk());
  store_.status = Unavailable("gone");
  const auto follower = Start();
  EXPECT_TRUE(follower->known());
  EXPECT_EQ(*follower->current(), store_.inventory);
  EXPECT_EQ(changes_, 2);
}

TEST_F(InventoryFollowerTest, AFailureChangesNothingButTheAge) {
  const auto follower = Start();
  ASSERT_THAT(Refresh(*follower), IsOk());
  store_.status = Unavailable("gone");
  clock_.Advance(30s);
  EXPECT_THAT(Refresh(*follower), HasCode(absl::StatusCode::kUnavailable));
  EXPECT_EQ(*follower->current(), store_.inventory);
  EXPECT_EQ(follower->age(), 30s);
  store_.status = absl::OkStatus();
  ASSERT_THAT(Refresh(*follower), IsOk());
  EXPECT_EQ(follower->age(), 0s);
}

TEST_F(InventoryFollowerTest, ALostDatabaseTakesNoEdgeAway) {
  const auto follower = Start();
  ASSERT_THAT(Refresh(*follower), IsOk());
  const Inventory held = store_.inventory;
  store_.inventory = {};
  EXPECT_THAT(Refresh(*follower), HasCode(absl::StatusCode::kDataLoss));
  EXPECT_EQ(*follower->current(), held);
  EXPECT_EQ(product_.inventory_refused.value(), 1);
}

TEST_F(InventoryFollowerTest, ARowWrittenByHandThatMakesNoSenseIsLeftOut) {
  store_.inventory.edges.push_back(
      {.id = EdgeId("e2"), .site = SiteId("north"), .base_url = "http://e2\r\nX-Evil: 1"});
  const auto follower = Start();
  ASSERT_THAT(Refresh(*follower), IsOk());
  ASSERT_EQ(follower->current()->edges.size(), 1u);
  EXPECT_EQ(follower->current()->edges[0].id, EdgeId("e1"));
}

TEST_F(InventoryFollowerTest, ADamagedFileIsNoNews) {
  ASSERT_THAT(Refresh(*Start()), IsOk());
  std::ofstream(dir_.File("inventory.snapshot"), std::ios::binary | std::ios::in | std::ios::ate)
      << "x";
  const auto follower = Start();
  EXPECT_FALSE(follower->known());
}

}  // namespace
}  // namespace holdfast::cdn_routing
