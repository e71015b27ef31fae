// Why something was refused, for programs: a google.rpc.ErrorInfo among the payloads of a status.
// It travels as the details of a gRPC error, so any client can read it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace holdfast::rpc {

struct ErrorReason {
  std::string reason;  // "INSUFFICIENT_FUNDS"
  std::string domain;  // "billing.holdfast": within it a reason has one meaning

  bool operator==(const ErrorReason&) const = default;
};

// OK stays OK; what it had before is replaced.
absl::Status WithReason(absl::Status status, const ErrorReason& reason);

// Nothing: it has none, or one that cannot be read.
std::optional<ErrorReason> ReasonOf(const absl::Status& status);

}  // namespace holdfast::rpc
