// Sentences that a box shows its viewer where it asked for something that costs money.
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "services/middleware/portal_call.h"

namespace holdfast::middleware {

inline constexpr std::string_view kDeviceWithoutAccount = "This device belongs to no account.";

// {"message": text}
PortalAnswer BoxMessage(std::string_view text);

// Why billing did not do it: that it cannot be reached (a degraded answer), its reason in words
// (billing_words.h), or, where it gave none, `otherwise`.
PortalAnswer BoxRefusal(const absl::Status& status, std::string_view otherwise);

}  // namespace holdfast::middleware
