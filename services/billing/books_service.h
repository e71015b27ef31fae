// The books over gRPC: what they hold, that they are right, money set aside, entries undone. The
// rules are in domain/ledger.h.
#pragma once

#include "absl/status/statusor.h"
#include "holdfast/billing/v1/billing.pb.h"
#include "libs/base/clock.h"
#include "libs/rpc/call.h"
#include "libs/rpc/service.h"
#include "services/billing/metrics.h"
#include "services/billing/store.h"

namespace holdfast::billing {

// Thread-safe; every method is a worker method. What it was made from must outlive it.
class BooksService {
 public:
  static constexpr char kServiceName[] = "holdfast.billing.v1.Books";

  // Days begin in `zone`, where the operator is.
  BooksService(Store& store, Metrics& metrics, const Clock& clock, const TimeZone& zone = {})
      : store_(store), metrics_(metrics), clock_(clock), zone_(zone) {}

  void Register(rpc::ServiceTable& table);

  absl::StatusOr<v1::ListBalancesResponse> ListBalances(const rpc::Call& call,
                                                        const v1::ListBalancesRequest& request);
  absl::StatusOr<v1::ListTransfersResponse> ListTransfers(const rpc::Call& call,
                                                          const v1::ListTransfersRequest& request);
  absl::StatusOr<v1::VerifyBooksResponse> VerifyBooks(const rpc::Call& call,
                                                      const v1::VerifyBooksRequest& request);
  // books_export.cpp
  absl::StatusOr<v1::ExportResponse> Export(const rpc::Call& call,
                                            const v1::ExportRequest& request);
  absl::StatusOr<v1::ListWebhookEventsResponse> ListWebhookEvents(
      const rpc::Call& call, const v1::ListWebhookEventsRequest& request);
  absl::StatusOr<v1::ListAuditResponse> ListAudit(const rpc::Call& call,
                                                  const v1::ListAuditRequest& request);
  absl::StatusOr<v1::Transfer> Adjust(const rpc::Call& call, const v1::AdjustRequest& request);
  absl::StatusOr<v1::Transfer> Hold(const rpc::Call& call, const v1::HoldRequest& request);
  absl::StatusOr<v1::Transfer> CaptureHold(const rpc::Call& call,
                                           const v1::CaptureHoldRequest& request);
  absl::StatusOr<v1::Transfer> ReleaseHold(const rpc::Call& call,
                                           const v1::ReleaseHoldRequest& request);
  absl::StatusOr<v1::ReverseEntryResponse> ReverseEntry(const rpc::Call& call,
                                                        const v1::ReverseEntryRequest& request);

 private:
  absl::StatusOr<v1::ExportResponse> ExportTransfers(const rpc::Call& call,
                                                     const v1::ExportRequest& request);
  absl::StatusOr<v1::ExportResponse> ExportInvoices(const rpc::Call& call,
                                                    const v1::ExportRequest& request);
  absl::StatusOr<v1::ExportResponse> ExportCreditNotes(const rpc::Call& call,
                                                       const v1::ExportRequest& request);
  absl::StatusOr<v1::ExportResponse> ExportPayments(const rpc::Call& call,
                                                    const v1::ExportRequest& request);
  // Posts a transfer that takes from or gives to a wallet, if the wallet has the money.
  absl::StatusOr<v1::Transfer> PostToWallet(Transaction& tx, const Transfer& transfer,
                                            const LedgerAccountId& wallet,
                                            const std::string& reason);
  sys_days Today() const { return DayOf(clock_.Now(), zone_); }

  Store& store_;
  Metrics& metrics_;
  const Clock& clock_;
  const TimeZone zone_;
};

}  // namespace holdfast::billing
