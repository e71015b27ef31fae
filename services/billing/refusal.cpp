#include "services/billing/refusal.h"

#include "absl/strings/ascii.h"
#include "libs/base/status.h"
#include "libs/rpc/error_info.h"

namespace holdfast::billing {
namespace {

constexpr char kDomain[] = "billing.holdfast";

}  // namespace

std::string WordOf(v1::RefusalReason reason) {
  return absl::AsciiStrToLower(v1::RefusalReason_Name(reason));
}

std::optional<v1::RefusalReason> RefusalOf(const absl::Status& status) {
  const std::string_view message = View(status.message());
  const std::size_t end = message.find(':');
  if (status.ok() || end == message.npos || end == 0) return std::nullopt;
  const std::string_view word = message.substr(0, end);
  if (word.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") != word.npos) return std::nullopt;
  v1::RefusalReason reason = v1::REFUSAL_REASON_UNSPECIFIED;
  if (!v1::RefusalReason_Parse(absl::AsciiStrToUpper(std::string(word)), &reason)) {
    return std::nullopt;
  }
  if (reason == v1::REFUSAL_REASON_UNSPECIFIED) return std::nullopt;
  return reason;
}

absl::Status Explained(const absl::Status& status) {
  const std::optional<v1::RefusalReason> reason = RefusalOf(status);
  if (!reason) return status;
  return rpc::WithReason(status, {v1::RefusalReason_Name(*reason), kDomain});
}

}  // namespace holdfast::billing
