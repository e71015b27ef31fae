#include "libs/rpc/error_info.h"

#include "absl/strings/cord.h"
#include "google/rpc/status.pb.h"

namespace holdfast::rpc {
namespace {

constexpr char kType[] = "type.googleapis.com/google.rpc.ErrorInfo";

}  // namespace

absl::Status WithReason(absl::Status status, const ErrorReason& reason) {
  if (status.ok()) return status;
  google::rpc::ErrorInfo info;
  info.set_reason(reason.reason);
  info.set_domain(reason.domain);
  status.SetPayload(kType, absl::Cord(info.SerializeAsString()));
  return status;
}

std::optional<ErrorReason> ReasonOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kType);
  google::rpc::ErrorInfo info;
  if (!payload || !info.ParseFromString(std::string(*payload)) || info.reason().empty()) {
    return std::nullopt;
  }
  return ErrorReason{info.reason(), info.domain()};
}

}  // namespace holdfast::rpc
