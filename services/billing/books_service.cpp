#include "services/billing/books_service.h"

#include <set>

#include "libs/base/random.h"
#include "libs/base/status.h"
#include "services/billing/biller.h"
#include "services/billing/convert_ledger.h"
#include "services/billing/export.h"
#include "services/billing/jobs_books.h"
#include "services/billing/service_once.h"

namespace holdfast::billing {
namespace {

// One transfer as an entry of its own.
Entry Alone(Transfer transfer, std::string reason) {
  return {EntryId(transfer.id.value()), std::move(reason), {transfer}};
}

// The wallet that held money belongs to is locked by its owner's row.
absl::StatusOr<Transfer> FindHeld(Transaction& tx, const std::string& transfer_id) {
  HOLDFAST_ASSIGN_OR_RETURN(Transfer held, tx.FindTransfer(TransferId(transfer_id)));
  if (held.debit.kind == LedgerKind::kWallet) {
    HOLDFAST_RETURN_IF_ERROR(tx.FindAccount(AccountId(held.debit.owner)).status());
  }
  return held;
}

// Posts an entry that may put money into wallets of accounts; those get what they can pay with it.
absl::Status PostAndServe(Transaction& tx, const Entry& entry, sys_days today) {
  std::set<AccountId> owners;  // in the order in which accounts are locked
  for (const Transfer& transfer : entry.transfers) {
    for (const LedgerAccountId& id : {transfer.debit, transfer.credit}) {
      if (id.kind == LedgerKind::kWallet) owners.insert(AccountId(id.owner));
    }
  }
  std::vector<Biller> billers;
  for (const AccountId& id : owners) {
    HOLDFAST_ASSIGN_OR_RETURN(Account account, tx.FindAccount(id));
    billers.emplace_back(tx, std::move(account), today);
    HOLDFAST_RETURN_IF_ERROR(billers.back().CatchUp());
  }
  HOLDFAST_RETURN_IF_ERROR(tx.Post(entry));
  for (Biller& biller : billers) HOLDFAST_RETURN_IF_ERROR(biller.MoneyCame());
  return absl::OkStatus();
}

TransferId NewTransferId() { return TransferId("hold-" + SecureHex(8)); }

}  // namespace

void BooksService::Register(rpc::ServiceTable& table) {
  table.Worker("ListBalances", *this, &BooksService::ListBalances);
  table.Worker("ListTransfers", *this, &BooksService::ListTransfers);
  table.Worker("VerifyBooks", *this, &BooksService::VerifyBooks);
  table.Worker("Export", *this, &BooksService::Export);
  table.Worker("ListAudit", *this, &BooksService::ListAudit);
  table.Worker("Adjust", *this, &BooksService::Adjust);
  table.Worker("Hold", *this, &BooksService::Hold);
  table.Worker("CaptureHold", *this, &BooksService::CaptureHold);
  table.Worker("ReleaseHold", *this, &BooksService::ReleaseHold);
  table.Worker("ReverseEntry", *this, &BooksService::ReverseEntry);
}

absl::StatusOr<v1::ListBalancesResponse> BooksService::ListBalances(
    const rpc::Call& call, const v1::ListBalancesRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(BalanceFilter filter, ParseFilter(request));
  const auto page = static_cast<std::size_t>(filter.limit);
  ++filter.limit;  // one more tells whether there is another page
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<LedgerAccount> balances,
                            store_.ListBalances(call.deadline(), filter));
  v1::ListBalancesResponse response;
  for (std::size_t i = 0; i < balances.size() && i < page; ++i) {
    *response.add_balances() = ToProto(balances[i]);
  }
  if (balances.size() > page) {
    response.set_next_page_token(PageTokenAfter(balances[page - 1].id));
  }
  return response;
}

absl::StatusOr<v1::ListTransfersResponse> BooksService::ListTransfers(
    const rpc::Call& call, const v1::ListTransfersRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(TransferFilter filter, ParseFilter(request));
  const auto page = static_cast<std::size_t>(filter.limit);
  ++filter.limit;
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<BookedTransfer> transfers,
                            store_.ListTransfers(call.deadline(), filter));
  v1::ListTransfersResponse response;
  response.set_last_position(filter.after);
  for (std::size_t i = 0; i < transfers.size() && i < page; ++i) {
    *response.add_transfers() = ToProto(transfers[i]);
    response.set_last_position(transfers[i].position);
  }
  response.set_more(transfers.size() > page);
  return response;
}

absl::StatusOr<v1::ExportResponse> BooksService::Export(const rpc::Call& call,
                                                        const v1::ExportRequest& request) {
  const bool heading = request.after() == 0;
  v1::ExportResponse response;
  if (request.what() == v1::ExportRequest::WHAT_INVOICES) {
    InvoiceFilter filter{.after = request.after()};
    HOLDFAST_ASSIGN_OR_RETURN(filter.limit, ParsePageSize(request.page_size()));
    HOLDFAST_ASSIGN_OR_RETURN(const std::vector<BookedInvoice> invoices,
                              store_.ListInvoices(call.deadline(), filter));
    response.set_text(WriteInvoices(invoices, request.format(), heading));
    response.set_last(invoices.empty() ? request.after() : invoices.back().number);
    response.set_more(static_cast<int>(invoices.size()) == filter.limit);
    return response;
  }
  TransferFilter filter{.after = request.after()};
  HOLDFAST_ASSIGN_OR_RETURN(filter.limit, ParsePageSize(request.page_size()));
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<BookedTransfer> transfers,
                            store_.ListTransfers(call.deadline(), filter));
  response.set_text(WriteTransfers(transfers, request.format(), heading));
  response.set_last(transfers.empty() ? request.after() : transfers.back().position);
  response.set_more(static_cast<int>(transfers.size()) == filter.limit);
  return response;
}

absl::StatusOr<v1::ListAuditResponse> BooksService::ListAudit(const rpc::Call& call,
                                                              const v1::ListAuditRequest& request) {
  HOLDFAST_RETURN_IF_ERROR(CheckText("subject", request.subject(), 200));
  AuditFilter filter{.subject = request.subject(), .after = request.after_position()};
  HOLDFAST_ASSIGN_OR_RETURN(filter.limit, ParsePageSize(request.page_size()));
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<AuditEntry> entries,
                            store_.ListAudit(call.deadline(), filter));
  v1::ListAuditResponse response;
  response.set_last_position(entries.empty() ? filter.after : entries.back().position);
  response.set_more(static_cast<int>(entries.size()) == filter.limit);
  for (const AuditEntry& entry : entries) *response.add_entries() = ToProto(entry);
  return response;
}

absl::StatusOr<v1::VerifyBooksResponse> BooksService::VerifyBooks(const rpc::Call& call,
                                                                  const v1::VerifyBooksRequest&) {
  HOLDFAST_ASSIGN_OR_RETURN(const BooksReport report,
                            Verify(store_, metrics_, clock_, call.deadline()));
  return ToProto(report);
}

absl::StatusOr<v1::Transfer> BooksService::PostToWallet(Transaction& tx, const Transfer& transfer,
                                                        const LedgerAccountId& wallet,
                                                        const std::string& reason) {
  HOLDFAST_RETURN_IF_ERROR(tx.FindAccount(AccountId(wallet.owner)).status());
  HOLDFAST_ASSIGN_OR_RETURN(LedgerAccount held, tx.FindLedgerAccount(wallet));
  HOLDFAST_RETURN_IF_ERROR(Apply(transfer, held));
  const Entry entry = Alone(transfer, reason);
  const bool gives = transfer.credit == wallet;
  HOLDFAST_RETURN_IF_ERROR(gives ? PostAndServe(tx, entry, Today()) : tx.Post(entry));
  return ToProto(entry, transfer);
}

absl::StatusOr<v1::Transfer> BooksService::Adjust(const rpc::Call& call,
                                                  const v1::AdjustRequest& request) {
  if (request.reason().empty()) return InvalidArgument("reason is empty");
  HOLDFAST_ASSIGN_OR_RETURN(const Transfer wanted,
                            ParseAdjustment(request, TransferId("adjustment-" + SecureHex(8))));
  const LedgerAccountId wallet =
      wanted.debit.kind == LedgerKind::kWallet ? wanted.debit : wanted.credit;
  return CarryOutOnce(store_, call, request, Secrecy::kNone, [&](Transaction& tx) {
    return PostToWallet(tx, wanted, wallet, request.reason());
  });
}

absl::StatusOr<v1::Transfer> BooksService::Hold(const rpc::Call& call,
                                                const v1::HoldRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const Transfer wanted,
                            ParseHold(request, NewTransferId(), clock_.Now()));
  return CarryOutOnce(store_, call, request, Secrecy::kNone, [&](Transaction& tx) {
    return PostToWallet(tx, wanted, wanted.debit, request.reason());
  });
}

absl::StatusOr<v1::Transfer> BooksService::CaptureHold(const rpc::Call& call,
                                                       const v1::CaptureHoldRequest& request) {
  return CarryOutOnce(
      store_, call, request, Secrecy::kNone, [&](Transaction& tx) -> absl::StatusOr<v1::Transfer> {
        HOLDFAST_ASSIGN_OR_RETURN(const Transfer held, FindHeld(tx, request.transfer_id()));
        const std::int64_t amount =
            request.minor_units() == 0 ? held.amount : request.minor_units();
        HOLDFAST_ASSIGN_OR_RETURN(const Transfer post, DecidePost(held, NewTransferId(), amount));
        const Entry entry = Alone(post, "captured " + held.id.value());
        // What is not taken is free again.
        HOLDFAST_RETURN_IF_ERROR(PostAndServe(tx, entry, Today()));
        return ToProto(entry, post);
      });
}

absl::StatusOr<v1::Transfer> BooksService::ReleaseHold(const rpc::Call& call,
                                                       const v1::ReleaseHoldRequest& request) {
  return CarryOutOnce(
      store_, call, request, Secrecy::kNone, [&](Transaction& tx) -> absl::StatusOr<v1::Transfer> {
        HOLDFAST_ASSIGN_OR_RETURN(const Transfer held, FindHeld(tx, request.transfer_id()));
        HOLDFAST_ASSIGN_OR_RETURN(const Transfer given_back, DecideVoid(held, NewTransferId()));
        const Entry entry = Alone(given_back, "released " + held.id.value());
        HOLDFAST_RETURN_IF_ERROR(PostAndServe(tx, entry, Today()));
        return ToProto(entry, given_back);
      });
}

absl::StatusOr<v1::ReverseEntryResponse> BooksService::ReverseEntry(
    const rpc::Call& call, const v1::ReverseEntryRequest& request) {
  if (request.reason().empty()) return InvalidArgument("reason is empty");
  return CarryOutOnce(
      store_, call, request, Secrecy::kNone,
      [&](Transaction& tx) -> absl::StatusOr<v1::ReverseEntryResponse> {
        HOLDFAST_ASSIGN_OR_RETURN(const Entry original, tx.FindEntry(EntryId(request.entry_id())));
        HOLDFAST_RETURN_IF_ERROR(RefuseUnlessOnItsOwn(original));
        Entry reversal{EntryId("reversal-" + SecureHex(8)), request.reason(), {}};
        v1::ReverseEntryResponse response;
        for (const Transfer& transfer : original.transfers) {
          HOLDFAST_ASSIGN_OR_RETURN(
              Transfer back,
              DecideReversal(transfer, TransferId(fmt::format("{}.{}", reversal.id.value(),
                                                              reversal.transfers.size() + 1))));
          reversal.transfers.push_back(back);
          *response.add_transfers() = ToProto(reversal, back);
        }
        HOLDFAST_RETURN_IF_ERROR(PostAndServe(tx, reversal, Today()));
        return response;
      });
}

}  // namespace holdfast::billing
