#include "services/billing/domain/ledger.h"

#include <array>
#include <utility>

#include "libs/base/status.h"

namespace holdfast::billing {
namespace {

using Kind = Transfer::Kind;

constexpr std::int64_t kLargestAmount = 1'000'000'000'000'000;  // sums of thousands of them fit
constexpr std::size_t kLongestReason = 200;
constexpr std::size_t kLongestTransferId = 200;

// In the order of LedgerKind.
constexpr std::array<std::string_view, 8> kKinds = {
    "wallet", "receivable", "reseller", "revenue", "tax", "clearing", "voucher", "promotion"};

absl::Status CheckTransferId(std::string_view what, const std::string& id) {
  if (id.empty()) return InvalidArgument("{} is empty", what);
  return CheckText(what, id, kLongestTransferId);
}

absl::Status CheckTransfer(const Transfer& t) {
  HOLDFAST_RETURN_IF_ERROR(CheckTransferId("transfer id", t.id.value()));
  if (t.amount <= 0 || t.amount > kLargestAmount) {
    return InvalidArgument("amount {} of transfer {} is not 1 to {}", t.amount, t.id.value(),
                           kLargestAmount);
  }
  if (t.debit == t.credit) {
    return InvalidArgument("transfer {} moves nothing: {}", t.id.value(), t.debit.ToString());
  }
  if (t.debit.currency != t.credit.currency) {
    return InvalidArgument("transfer {} is between {} and {}", t.id.value(), t.debit.currency,
                           t.credit.currency);
  }
  const bool resolving = t.kind != Kind::kPosted && t.kind != Kind::kPending;
  if (resolving != t.resolves.has_value() || (resolving && t.amount > t.released)) {
    return InvalidArgument("transfer {} does not end a pending one", t.id.value());
  }
  return absl::OkStatus();
}

absl::Status RefuseUnlessPending(const Transfer& original) {
  if (original.kind == Kind::kPending) return absl::OkStatus();
  return FailedPrecondition("not_pending: transfer {} holds no money", original.id.value());
}

Transfer Ending(const Transfer& original, Kind kind, TransferId id, std::int64_t amount) {
  return {.id = std::move(id),
          .kind = kind,
          .debit = original.debit,
          .credit = original.credit,
          .amount = amount,
          .resolves = original.id,
          .released = original.amount};
}

}  // namespace

std::string_view NameOf(LedgerKind kind) { return kKinds[static_cast<std::size_t>(kind)]; }

std::optional<LedgerKind> LedgerKindOf(std::string_view name) {
  for (std::size_t i = 0; i < kKinds.size(); ++i) {
    if (kKinds[i] == name) return static_cast<LedgerKind>(i);
  }
  return std::nullopt;
}

std::string LedgerAccountId::ToString() const {
  return fmt::format("{}/{}/{}", NameOf(kind), owner, currency);
}

absl::StatusOr<LedgerAccountId> LedgerAccountId::Parse(std::string_view text) {
  const std::size_t first = text.find('/');
  const std::size_t last = text.rfind('/');
  if (first == text.npos || first == last) {
    return InvalidArgument("ledger account '{}' is not kind/owner/currency", text);
  }
  const std::optional<LedgerKind> kind = LedgerKindOf(text.substr(0, first));
  if (!kind) return InvalidArgument("ledger account '{}' is of an unknown kind", text);
  const std::string_view owner = text.substr(first + 1, last - first - 1);
  HOLDFAST_RETURN_IF_ERROR(CheckId("owner", owner));
  HOLDFAST_RETURN_IF_ERROR(Money::Make(0, text.substr(last + 1)).status());
  return LedgerAccountId{*kind, std::string(owner), std::string(text.substr(last + 1))};
}

LedgerAccount OpenLedgerAccount(const LedgerAccountId& id) {
  LedgerAccount account{.id = id};
  const bool prepaid = id.kind == LedgerKind::kWallet || id.kind == LedgerKind::kReseller;
  if (prepaid) account.overdraft = 0;
  return account;
}

void Entry::Move(const LedgerAccountId& debit, const LedgerAccountId& credit, std::int64_t amount) {
  if (amount == 0) return;
  transfers.push_back({.id = TransferId(fmt::format("{}.{}", id.value(), transfers.size() + 1)),
                       .debit = debit,
                       .credit = credit,
                       .amount = amount});
}

absl::Status CheckEntry(const Entry& entry) {
  HOLDFAST_RETURN_IF_ERROR(CheckTransferId("entry id", entry.id.value()));
  HOLDFAST_RETURN_IF_ERROR(CheckText("reason", entry.reason, kLongestReason));
  for (const Transfer& transfer : entry.transfers) {
    HOLDFAST_RETURN_IF_ERROR(CheckTransfer(transfer));
  }
  return absl::OkStatus();
}

void Book(const Transfer& transfer, LedgerAccount& account) {
  const auto change = [&](std::int64_t& posted, std::int64_t& pending) {
    if (transfer.kind == Kind::kPosted || transfer.kind == Kind::kPost) posted += transfer.amount;
    if (transfer.kind == Kind::kPending) pending += transfer.amount;
    pending -= transfer.released;
  };
  if (transfer.debit == account.id) change(account.debits_posted, account.debits_pending);
  if (transfer.credit == account.id) change(account.credits_posted, account.credits_pending);
}

absl::Status Apply(const Transfer& transfer, LedgerAccount& account) {
  LedgerAccount next = account;
  Book(transfer, next);
  if (next.overdraft && next.available() < 0) {
    return FailedPrecondition("insufficient_funds: {} has {} available, {} are asked for",
                              account.id.ToString(), account.available(), transfer.amount);
  }
  account = next;
  return absl::OkStatus();
}

absl::StatusOr<Transfer> DecidePost(const Transfer& original, TransferId id, std::int64_t amount) {
  HOLDFAST_RETURN_IF_ERROR(RefuseUnlessPending(original));
  if (amount <= 0 || amount > original.amount) {
    return InvalidArgument("{} holds {}: {} cannot be taken", original.id.value(), original.amount,
                           amount);
  }
  return Ending(original, Kind::kPost, std::move(id), amount);
}

absl::StatusOr<Transfer> DecideVoid(const Transfer& original, TransferId id) {
  HOLDFAST_RETURN_IF_ERROR(RefuseUnlessPending(original));
  return Ending(original, Kind::kVoid, std::move(id), original.amount);
}

absl::StatusOr<Transfer> DecideExpiry(const Transfer& original, TransferId id, WallTime now) {
  HOLDFAST_RETURN_IF_ERROR(RefuseUnlessPending(original));
  if (!original.expires_at || now < *original.expires_at) {
    return FailedPrecondition("not_expired: transfer {} still holds its money",
                              original.id.value());
  }
  return Ending(original, Kind::kExpire, std::move(id), original.amount);
}

absl::StatusOr<Transfer> DecideReversal(const Transfer& original, TransferId id) {
  if (original.kind != Kind::kPosted && original.kind != Kind::kPost) {
    return FailedPrecondition("not_posted: transfer {} moved no money", original.id.value());
  }
  return Transfer{.id = std::move(id),
                  .debit = original.credit,
                  .credit = original.debit,
                  .amount = original.amount,
                  .reverses = original.id};
}

absl::Status RefuseUnlessOnItsOwn(const Entry& entry) {
  for (const std::string_view prefix :
       {"hold-", "adjustment-", "reversal-", "funding-", "top-up-"}) {
    if (entry.id.value().starts_with(prefix)) return absl::OkStatus();
  }
  return FailedPrecondition("belongs_to_document: entry {} is undone by a credit note or a refund",
                            entry.id.value());
}

}  // namespace holdfast::billing
