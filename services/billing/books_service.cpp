#include "services/billing/books_service.h"

#include <set>

#include "libs/base/random.h"
#include "libs/base/status.h"
#include "services/billing/biller.h"
#include "services/billing/convert_ledger.h"
#include "services/billing/convert_lists.h"
#include "services/billing/jobs_books.h"
#include "services/billing/paging.h"
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
  if (held.kind == Transfer::Kind::kPending) {  // a refund's is the refund's
    HOLDFAST_RETURN_IF_ERROR(RefuseUnlessOnItsOwn({EntryId(held.id.value()), "", {}}));
  }
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
  table.Worker("ListWebhookEvents", *this, &BooksService::ListWebhookEvents);
  table.Worker("ListAudit", *this, &BooksService::ListAudit);
  table.Worker("Adjust", *this, &BooksService::Adjust);
  table.Worker("Hold", *this, &BooksService::Hold);
  table.Worker("CaptureHold", *this, &BooksService::CaptureHold);
  table.Worker("ReleaseHold", *this, &BooksService::ReleaseHold);
  table.Worker("ReverseEntry", *this, &BooksService::ReverseEntry);
}

absl::StatusOr<v1::ListBalancesResponse> BooksService::ListBalances(
    const rpc::Call& call, const v1::ListBalancesRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const BalanceFilter filter, ParseFilter(request));
  HOLDFAST_ASSIGN_OR_RETURN(const auto page, FetchPage(filter, [&](const BalanceFilter& asked) {
                              return store_.ListBalances(call.deadline(), asked);
                            }));
  v1::ListBalancesResponse response;
  for (const LedgerAccount& balance : page.rows) *response.add_balances() = ToProto(balance);
  response.set_next_page_token(
      page.NextToken([](const LedgerAccount& last) { return TokenAfter(last.id.ToString()); }));
  return response;
}

absl::StatusOr<v1::ListTransfersResponse> BooksService::ListTransfers(
    const rpc::Call& call, const v1::ListTransfersRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const TransferFilter filter, ParseFilter(request));
  HOLDFAST_ASSIGN_OR_RETURN(const auto page, FetchPage(filter, [&](const TransferFilter& asked) {
                              return store_.ListTransfers(call.deadline(), asked);
                            }));
  v1::ListTransfersResponse response;
  for (const BookedTransfer& transfer : page.rows) *response.add_transfers() = ToProto(transfer);
  response.set_last_position(page.rows.empty() ? filter.after : page.rows.back().position);
  response.set_more(page.more);
  return response;
}

absl::StatusOr<v1::ListAuditResponse> BooksService::ListAudit(const rpc::Call& call,
                                                              const v1::ListAuditRequest& request) {
  HOLDFAST_RETURN_IF_ERROR(CheckText("subject", request.subject(), 200));
  HOLDFAST_RETURN_IF_ERROR(CheckText("caller", request.caller(), 200));
  HOLDFAST_RETURN_IF_ERROR(CheckText("method", request.method(), 200));
  HOLDFAST_RETURN_IF_ERROR(CheckText("person", request.person(), 200));
  AuditFilter filter{.subject = request.subject(),
                     .caller = request.caller(),
                     .person = request.person(),
                     .method = request.method(),
                     .after = request.after_position()};
  HOLDFAST_ASSIGN_OR_RETURN(filter.limit, ParsePageSize(request.page_size()));
  HOLDFAST_ASSIGN_OR_RETURN(const auto page, FetchPage(filter, [&](const AuditFilter& asked) {
                              return store_.ListAudit(call.deadline(), asked);
                            }));
  v1::ListAuditResponse response;
  for (const AuditEntry& entry : page.rows) *response.add_entries() = ToProto(entry);
  response.set_last_position(page.rows.empty() ? filter.after : page.rows.back().position);
  response.set_more(page.more);
  return response;
}

absl::StatusOr<v1::ListWebhookEventsResponse> BooksService::ListWebhookEvents(
    const rpc::Call& call, const v1::ListWebhookEventsRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const EventFilter filter, ParseFilter(request));
  HOLDFAST_ASSIGN_OR_RETURN(const auto page, FetchPage(filter, [&](const EventFilter& asked) {
                              return store_.ListEvents(call.deadline(), asked);
                            }));
  v1::ListWebhookEventsResponse response;
  for (const StoredEvent& event : page.rows) *response.add_events() = ToProto(event);
  response.set_next_page_token(
      page.NextToken([](const StoredEvent& last) { return TokenAfter(last.created_at, last.id); }));
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
