// What a viewer is told of billing's answers: why something was refused, and why there is nothing
// to watch. The only place that puts billing's reasons into sentences.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "holdfast/billing/v1/billing.pb.h"
#include "holdfast/billing/v1/refusal.pb.h"

namespace holdfast::middleware {

// From the details of the error; nothing: billing gave no reason, or one that this release does not
// know.
std::optional<billing::v1::RefusalReason> RefusalOf(const absl::Status& status);

// Of every reason.
std::string_view SentenceOf(billing::v1::RefusalReason reason);

// Why the account may watch nothing, or soon nothing, and what helps; empty: nothing is wrong.
// Plain text.
std::string NoticeOf(const billing::v1::Entitlement& entitlement);

}  // namespace holdfast::middleware
