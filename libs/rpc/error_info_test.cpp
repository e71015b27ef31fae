#include "libs/rpc/error_info.h"

#include <gtest/gtest.h>

#include "absl/strings/cord.h"
#include "libs/base/status.h"
#include "libs/rpc/grpc_wire.h"

namespace holdfast::rpc {
namespace {

const ErrorReason kWhy{"INSUFFICIENT_FUNDS", "billing.holdfast"};

TEST(ErrorInfoTest, AReasonStaysWithItsStatus) {
  const absl::Status told = WithReason(FailedPrecondition("no money"), kWhy);
  EXPECT_EQ(ReasonOf(told), kWhy);
  EXPECT_EQ(ReasonOf(Annotate(told, "billing")), kWhy);
  EXPECT_EQ(ReasonOf(FailedPrecondition("no money")), std::nullopt);
  EXPECT_TRUE(WithReason(absl::OkStatus(), kWhy).ok());
}

TEST(ErrorInfoTest, AReasonTravels) {
  const grpc::Status sent = ToGrpc(WithReason(FailedPrecondition("no money"), kWhy));
  EXPECT_EQ(sent.error_message(), "no money");
  const absl::Status came = FromGrpc(sent);
  EXPECT_EQ(came.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(View(came.message()), "no money");
  EXPECT_EQ(ReasonOf(came), kWhy);
}

TEST(ErrorInfoTest, AnErrorWithoutDetailsSendsNone) {
  EXPECT_EQ(ToGrpc(NotFound("nobody")).error_details(), "");
}

TEST(ErrorInfoTest, DetailsThatDoNotFitAHeaderAreLeftOut) {
  absl::Status large = FailedPrecondition("no money");
  large.SetPayload("type.googleapis.com/x", absl::Cord(std::string(5000, 'x')));
  EXPECT_EQ(ToGrpc(large).error_details(), "");
  EXPECT_EQ(ToGrpc(large).error_message(), "no money");
}

TEST(ErrorInfoTest, DetailsThatAreRubbishDoNoHarm) {
  for (const std::string& rubbish :
       {std::string("\xff\xff\xff"), std::string(1, '\0'), std::string("\x1a\x7f")}) {
    const absl::Status came =
        FromGrpc(grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, "no money", rubbish));
    EXPECT_EQ(View(came.message()), "no money");
    EXPECT_EQ(ReasonOf(came), std::nullopt);
  }
}

}  // namespace
}  // namespace holdfast::rpc
