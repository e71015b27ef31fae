// Wire types of the books to domain and back; see convert.h.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "holdfast/billing/v1/ledger.pb.h"
#include "libs/base/clock.h"
#include "services/billing/domain/ledger.h"
#include "services/billing/store.h"

namespace holdfast::billing {

v1::Balance ToProto(const LedgerAccount& account);
v1::Transfer ToProto(const BookedTransfer& booked);
// One that was just posted and has no position yet.
v1::Transfer ToProto(const Entry& entry, const Transfer& transfer);
v1::AuditEntry ToProto(const AuditEntry& entry);
v1::VerifyBooksResponse ToProto(const BooksReport& report);

absl::StatusOr<BalanceFilter> ParseFilter(const v1::ListBalancesRequest& request);
absl::StatusOr<TransferFilter> ParseFilter(const v1::ListTransfersRequest& request);
absl::StatusOr<Transfer> ParseAdjustment(const v1::AdjustRequest& request, TransferId id);
absl::StatusOr<Transfer> ParseHold(const v1::HoldRequest& request, TransferId id, WallTime now);

}  // namespace holdfast::billing
