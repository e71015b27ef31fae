// Export, piece by piece.
#include "libs/base/status.h"
#include "services/billing/books_service.h"
#include "services/billing/convert_lists.h"
#include "services/billing/convert_money.h"
#include "services/billing/export.h"
#include "services/billing/paging.h"

namespace holdfast::billing {
namespace {

absl::Status Check(const v1::ExportRequest& request) {
  if (!v1::ExportRequest::Format_IsValid(request.format())) {
    return InvalidArgument("format {} is unknown", static_cast<int>(request.format()));
  }
  const bool numbered = request.what() == v1::ExportRequest::WHAT_TRANSFERS ||
                        request.what() == v1::ExportRequest::WHAT_INVOICES;
  if (numbered && !request.page_token().empty()) {
    return InvalidArgument("page_token: transfers and invoices go on with `after`");
  }
  if (!numbered && request.after() != 0) {
    return InvalidArgument("after: credit notes and payments go on with page_token");
  }
  if (request.account_id().empty()) return absl::OkStatus();
  return CheckId("account_id", request.account_id());
}

}  // namespace

absl::StatusOr<v1::ExportResponse> BooksService::ExportTransfers(const rpc::Call& call,
                                                                 const v1::ExportRequest& request) {
  TransferFilter filter{.owner = request.account_id(), .after = request.after()};
  HOLDFAST_ASSIGN_OR_RETURN(const auto from, ParseOptionalDay("from", request.from()));
  HOLDFAST_ASSIGN_OR_RETURN(const auto until, ParseOptionalDay("until", request.until()));
  if (from) filter.from = StartOf(*from, zone_);
  if (until) filter.until = StartOf(*until, zone_);
  HOLDFAST_ASSIGN_OR_RETURN(filter.limit, ParsePageSize(request.page_size()));
  HOLDFAST_ASSIGN_OR_RETURN(const auto page, FetchPage(filter, [&](const TransferFilter& asked) {
                              return store_.ListTransfers(call.deadline(), asked);
                            }));
  v1::ExportResponse response;
  response.set_text(WriteTransfers(page.rows, request.format(), request.after() == 0));
  response.set_last(page.rows.empty() ? request.after() : page.rows.back().position);
  response.set_more(page.more);
  return response;
}

absl::StatusOr<v1::ExportResponse> BooksService::ExportInvoices(const rpc::Call& call,
                                                                const v1::ExportRequest& request) {
  InvoiceFilter filter{.account = request.account_id(), .after = request.after()};
  HOLDFAST_ASSIGN_OR_RETURN(filter.issued_from, ParseOptionalDay("from", request.from()));
  HOLDFAST_ASSIGN_OR_RETURN(filter.issued_until, ParseOptionalDay("until", request.until()));
  HOLDFAST_ASSIGN_OR_RETURN(filter.limit, ParsePageSize(request.page_size()));
  HOLDFAST_ASSIGN_OR_RETURN(const auto page, FetchPage(filter, [&](const InvoiceFilter& asked) {
                              return store_.ListInvoices(call.deadline(), asked);
                            }));
  v1::ExportResponse response;
  response.set_text(WriteInvoices(page.rows, request.format(), request.after() == 0));
  response.set_last(page.rows.empty() ? request.after() : page.rows.back().number);
  response.set_more(page.more);
  return response;
}

absl::StatusOr<v1::ExportResponse> BooksService::ExportCreditNotes(
    const rpc::Call& call, const v1::ExportRequest& request) {
  CreditNoteFilter filter{.account = request.account_id()};
  HOLDFAST_ASSIGN_OR_RETURN(filter.from, ParseOptionalDay("from", request.from()));
  HOLDFAST_ASSIGN_OR_RETURN(filter.until, ParseOptionalDay("until", request.until()));
  HOLDFAST_ASSIGN_OR_RETURN(filter.limit, ParsePageSize(request.page_size()));
  HOLDFAST_ASSIGN_OR_RETURN(filter.before, ParseTimeToken(request.page_token()));
  HOLDFAST_ASSIGN_OR_RETURN(const auto page, FetchPage(filter, [&](const CreditNoteFilter& asked) {
                              return store_.ListCreditNotes(call.deadline(), asked);
                            }));
  v1::ExportResponse response;
  response.set_text(WriteCreditNotes(page.rows, request.format(), request.page_token().empty()));
  response.set_more(page.more);
  response.set_next_page_token(page.NextToken([](const ListedCreditNote& last) {
    return TokenAfter(WallTime(last.note.issued_on), last.note.id.value());
  }));
  return response;
}

absl::StatusOr<v1::ExportResponse> BooksService::ExportPayments(const rpc::Call& call,
                                                                const v1::ExportRequest& request) {
  v1::ListPaymentsRequest asks;
  asks.set_account_id(request.account_id());
  asks.set_from(request.from());
  asks.set_until(request.until());
  asks.set_page_size(request.page_size() == 0 ? kUsualPage : request.page_size());
  asks.set_page_token(request.page_token());
  HOLDFAST_ASSIGN_OR_RETURN(const PaymentFilter filter, ParseFilter(asks, zone_));
  HOLDFAST_ASSIGN_OR_RETURN(const auto page, FetchPage(filter, [&](const PaymentFilter& asked) {
                              return store_.ListPayments(call.deadline(), asked);
                            }));
  v1::ExportResponse response;
  response.set_text(WritePayments(page.rows, request.format(), request.page_token().empty()));
  response.set_more(page.more);
  response.set_next_page_token(page.NextToken(
      [](const Payment& last) { return TokenAfter(last.created_at, last.id.value()); }));
  return response;
}

absl::StatusOr<v1::ExportResponse> BooksService::Export(const rpc::Call& call,
                                                        const v1::ExportRequest& request) {
  HOLDFAST_RETURN_IF_ERROR(Check(request));
  switch (request.what()) {
    case v1::ExportRequest::WHAT_TRANSFERS:
      return ExportTransfers(call, request);
    case v1::ExportRequest::WHAT_INVOICES:
      return ExportInvoices(call, request);
    case v1::ExportRequest::WHAT_CREDIT_NOTES:
      return ExportCreditNotes(call, request);
    case v1::ExportRequest::WHAT_PAYMENTS:
      return ExportPayments(call, request);
    default:
      return InvalidArgument("what {} is unknown", static_cast<int>(request.what()));
  }
}

}  // namespace holdfast::billing
