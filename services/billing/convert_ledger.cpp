#include "services/billing/convert_ledger.h"

#include <utility>

#include "libs/base/status.h"
#include "services/billing/convert.h"
#include "services/billing/paging.h"

namespace holdfast::billing {
namespace {

constexpr std::int64_t kLongestHoldSeconds = 366 * 24 * 3600;

v1::Transfer::Kind ToProto(Transfer::Kind kind) {
  switch (kind) {
    case Transfer::Kind::kPosted:
      return v1::Transfer::KIND_POSTED;
    case Transfer::Kind::kPending:
      return v1::Transfer::KIND_PENDING;
    case Transfer::Kind::kPost:
      return v1::Transfer::KIND_POST;
    case Transfer::Kind::kVoid:
      return v1::Transfer::KIND_VOID;
    case Transfer::Kind::kExpire:
      return v1::Transfer::KIND_EXPIRE;
  }
  return v1::Transfer::KIND_UNSPECIFIED;
}

}  // namespace

v1::Balance ToProto(const LedgerAccount& account) {
  v1::Balance out;
  out.set_ledger_account(account.id.ToString());
  out.set_debits_posted(account.debits_posted);
  out.set_credits_posted(account.credits_posted);
  out.set_debits_pending(account.debits_pending);
  out.set_credits_pending(account.credits_pending);
  out.set_balance(account.balance());
  if (account.overdraft) out.set_overdraft(*account.overdraft);
  return out;
}

v1::Transfer ToProto(const Entry& entry, const Transfer& transfer) {
  v1::Transfer out;
  out.set_transfer_id(transfer.id.value());
  out.set_entry_id(entry.id.value());
  out.set_kind(ToProto(transfer.kind));
  out.set_debit_account(transfer.debit.ToString());
  out.set_credit_account(transfer.credit.ToString());
  out.mutable_amount()->set_minor_units(transfer.amount);
  out.mutable_amount()->set_currency(transfer.debit.currency);
  if (transfer.resolves) out.set_resolves(transfer.resolves->value());
  if (transfer.reverses) out.set_reverses(transfer.reverses->value());
  if (transfer.expires_at) SetTime(*transfer.expires_at, *out.mutable_expires_at());
  out.set_reason(entry.reason);
  return out;
}

v1::Transfer ToProto(const BookedTransfer& booked) {
  v1::Transfer out = ToProto(Entry{booked.entry, booked.reason, {}}, booked.transfer);
  out.set_position(booked.position);
  SetTime(booked.created_at, *out.mutable_created_at());
  return out;
}

v1::AuditEntry ToProto(const AuditEntry& entry) {
  v1::AuditEntry out;
  out.set_position(entry.position);
  SetTime(entry.at, *out.mutable_at());
  out.set_caller(entry.caller);
  out.set_person(entry.person);
  out.set_method(entry.method);
  out.set_subject(entry.subject);
  out.set_request(entry.request);
  out.set_idempotency_key(entry.key);
  return out;
}

v1::VerifyBooksResponse ToProto(const BooksReport& report) {
  v1::VerifyBooksResponse out;
  out.set_right(report.problems.empty());
  for (const BooksReport::Problem& problem : report.problems) {
    auto& added = *out.add_problems();
    added.set_check(problem.check);
    added.set_what(problem.what);
  }
  for (const BooksReport::Total& total : report.totals) {
    auto& added = *out.add_totals();
    added.set_currency(total.currency);
    added.set_debits(total.debits);
    added.set_credits(total.credits);
  }
  out.set_transfers(report.transfers);
  out.set_ledger_accounts(report.ledger_accounts);
  return out;
}

absl::StatusOr<BalanceFilter> ParseFilter(const v1::ListBalancesRequest& request) {
  BalanceFilter filter;
  if (!request.owner().empty()) HOLDFAST_RETURN_IF_ERROR(CheckId("owner", request.owner()));
  filter.owner = request.owner();
  if (!request.kind().empty()) {
    filter.kind = LedgerKindOf(request.kind());
    if (!filter.kind) return InvalidArgument("kind '{}' is unknown", request.kind());
  }
  HOLDFAST_ASSIGN_OR_RETURN(filter.limit, ParsePageSize(request.page_size()));
  HOLDFAST_ASSIGN_OR_RETURN(filter.after, ParseToken(request.page_token()));
  if (!filter.after.empty() && !LedgerAccountId::Parse(filter.after).ok()) {
    return InvalidArgument("page_token is not one of ours");
  }
  return filter;
}

absl::StatusOr<TransferFilter> ParseFilter(const v1::ListTransfersRequest& request) {
  TransferFilter filter;
  if (!request.ledger_account().empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(filter.account, LedgerAccountId::Parse(request.ledger_account()));
  }
  HOLDFAST_RETURN_IF_ERROR(CheckText("entry_id", request.entry_id(), 200));
  filter.entry = request.entry_id();
  filter.after = request.after_position();
  HOLDFAST_ASSIGN_OR_RETURN(filter.limit, ParsePageSize(request.page_size()));
  return filter;
}

absl::StatusOr<Transfer> ParseAdjustment(const v1::AdjustRequest& request, TransferId id) {
  HOLDFAST_RETURN_IF_ERROR(CheckId("account id", request.account_id()));
  HOLDFAST_RETURN_IF_ERROR(CheckId("promotion id", request.promotion_id()));
  const std::int64_t amount = request.amount().minor_units();
  HOLDFAST_ASSIGN_OR_RETURN(const Money checked, Money::Make(amount, request.amount().currency()));
  const LedgerAccountId wallet = WalletOf(AccountId(request.account_id()), checked.currency());
  const LedgerAccountId ours{LedgerKind::kPromotion, request.promotion_id(), checked.currency()};
  const bool gives = amount >= 0;
  Transfer adjustment{.id = std::move(id),
                      .debit = gives ? ours : wallet,
                      .credit = gives ? wallet : ours,
                      .amount = gives ? amount : (-checked).minor_units()};
  HOLDFAST_RETURN_IF_ERROR(
      CheckEntry({EntryId(adjustment.id.value()), request.reason(), {adjustment}}));
  return adjustment;
}

absl::StatusOr<Transfer> ParseHold(const v1::HoldRequest& request, TransferId id, WallTime now) {
  HOLDFAST_RETURN_IF_ERROR(CheckId("account id", request.account_id()));
  HOLDFAST_RETURN_IF_ERROR(CheckId("revenue id", request.revenue_id()));
  HOLDFAST_ASSIGN_OR_RETURN(const Money amount, ParseMoney("amount", request.amount()));
  const std::int64_t seconds = request.expires_in_seconds();
  if (seconds < 0 || seconds > kLongestHoldSeconds) {
    return InvalidArgument("expires_in_seconds must be 0 to {}", kLongestHoldSeconds);
  }
  Transfer hold{.id = std::move(id),
                .kind = Transfer::Kind::kPending,
                .debit = WalletOf(AccountId(request.account_id()), amount.currency()),
                .credit = {LedgerKind::kRevenue, request.revenue_id(), amount.currency()},
                .amount = amount.minor_units()};
  if (seconds > 0) hold.expires_at = now + std::chrono::seconds(seconds);
  HOLDFAST_RETURN_IF_ERROR(CheckEntry({EntryId(hold.id.value()), request.reason(), {hold}}));
  return hold;
}

}  // namespace holdfast::billing
