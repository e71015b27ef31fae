#include "services/drm/service.h"

#include <gtest/gtest.h>

#include "libs/testing/fake_clock.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/temp_dir.h"
#include "services/drm/epochs_for_test.h"

namespace holdfast::drm {
namespace {

using std::chrono::hours;
using test::HasCode;
using test::IsOk;

// Remembers epochs in memory; what a real database does is tested in pg_store_test.cpp.
class MemoryStore final : public Store {
 public:
  absl::StatusOr<std::vector<StoredEpoch>> LoadEpochs(Deadline) override { return epochs; }
  absl::Status AddEpochs(Deadline, const std::vector<StoredEpoch>& added) override {
    epochs.insert(epochs.end(), added.begin(), added.end());
    return absl::OkStatus();
  }
  absl::Status Rewrap(Deadline, const StoredEpoch&, const std::string&) override {
    return absl::OkStatus();
  }

  std::vector<StoredEpoch> epochs;
};

class ServiceTest : public testing::Test {
 protected:
  test::FakeClock clock_;
  test::TempDir dir_;
  telemetry::Metrics telemetry_;
  Metrics metrics_{telemetry_};
  MemoryStore store_;
  EpochKeeper keeper_{TestKeks(), dir_.File("epochs")};
  EpochMaker maker_{store_, keeper_, {.epochs_ahead = 2}, Periods(std::chrono::minutes(10)),
                    clock_, metrics_};
  Service service_{keeper_, maker_};
  const rpc::Call call_{Deadline::Never(), telemetry::TraceContext{}};
};

TEST_F(ServiceTest, EpochsAreListedWithTheirEndsAndWithoutTheirKeys) {
  ASSERT_THAT(maker_.Maintain(Deadline::Never()), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::ListEpochsResponse list, service_.ListEpochs(call_, {}));
  ASSERT_EQ(list.epochs_size(), 3);
  EXPECT_EQ(list.epochs(0).valid_until(), list.epochs(1).valid_from());
  EXPECT_EQ(list.epochs(1).valid_until() - list.epochs(1).valid_from(), 24 * 3600);
  EXPECT_EQ(list.epochs(2).valid_until(), 0);
  const auto ring = keeper_.ring();
  for (const Epoch& epoch : ring->epochs()) {
    EXPECT_EQ(list.SerializeAsString().find(epoch.key), std::string::npos);
  }
}

TEST_F(ServiceTest, ARotationEndsTheCurrentEpochSoon) {
  ASSERT_THAT(maker_.Maintain(Deadline::Never()), IsOk());
  v1::RotateNowRequest request;
  request.set_command_id("leak");
  ASSERT_OK_AND_ASSIGN(const v1::RotateNowResponse made, service_.RotateNow(call_, request));
  const std::int64_t now = EpochSeconds(clock_.Now());
  EXPECT_GT(made.epoch().valid_from(), now);
  EXPECT_LE(made.epoch().valid_from(), now + 1800);
  EXPECT_EQ(made.epoch().valid_until(), now + 24 * 3600) << "then the planned one follows";
  ASSERT_OK_AND_ASSIGN(const v1::RotateNowResponse repeated, service_.RotateNow(call_, request));
  EXPECT_EQ(repeated.epoch().epoch_id(), made.epoch().epoch_id());
}

TEST_F(ServiceTest, ACommandWithoutAnIdIsRefused) {
  v1::RotateNowRequest request;
  EXPECT_THAT(service_.RotateNow(call_, request), HasCode(absl::StatusCode::kInvalidArgument));
  request.set_command_id(std::string(65, 'x'));
  EXPECT_THAT(service_.RotateNow(call_, request), HasCode(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace holdfast::drm
