// Identifiers of billing. Chosen by the operator or made by billing; never reused.
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "libs/base/strong_id.h"

namespace holdfast::billing {

using AccountId = StrongId<struct AccountIdTag>;
using PackageId = StrongId<struct PackageIdTag>;
using TariffPlanId = StrongId<struct TariffPlanIdTag>;
using SubscriptionId = StrongId<struct SubscriptionIdTag>;
using InvoiceId = StrongId<struct InvoiceIdTag>;
using CreditNoteId = StrongId<struct CreditNoteIdTag>;
using PaymentId = StrongId<struct PaymentIdTag>;
using ResellerId = StrongId<struct ResellerIdTag>;
using TransferId = StrongId<struct TransferIdTag>;
using RentalId = StrongId<struct RentalIdTag>;
using ItemId = StrongId<struct ItemIdTag>;  // what is rented: the caller's, opaque here
using EntryId = StrongId<struct EntryIdTag>;  // what happened once, in one or more transfers

// INVALID_ARGUMENT unless `text` is 1 to 64 letters, digits, '.', '_' or '-'. `what` names it in
// the message: "package id".
absl::Status CheckId(std::string_view what, std::string_view text);

// INVALID_ARGUMENT if `text` has control characters or more than `longest` bytes.
absl::Status CheckText(std::string_view what, std::string_view text, std::size_t longest);

}  // namespace holdfast::billing
