// Why a command was refused (refusal.proto). The code that refuses writes it as the first word of
// the message, "insufficient_funds: ..."; at the border it is put into the details of the error as
// well.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "holdfast/billing/v1/refusal.pb.h"

namespace holdfast::billing {

// "insufficient_funds".
std::string WordOf(v1::RefusalReason reason);

// What the first word of the message says; nothing: no reason of the list.
std::optional<v1::RefusalReason> RefusalOf(const absl::Status& status);

// With its reason in the details, if its message begins with one.
absl::Status Explained(const absl::Status& status);

}  // namespace holdfast::billing
