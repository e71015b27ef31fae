// The books: double entry, one ledger per currency, whole minor units.
//
// A transfer debits one account and credits another by the same amount, so every ledger sums to
// nothing by construction. Transfers are never changed: what was wrong is reversed by another one.
//
//   kPosted                        moves money now
//   kPending --+--> kPost          moves money that was held, all of it or a part; the rest is free
//              +--> kVoid          gives the held money back
//              +--> kExpire        the same, because nobody came in time
//
// A pending transfer is resolved once, a posted one reversed once. An account may have an
// overdraft: how far its debits, held ones included, may exceed its credits. A subscriber's wallet
// has 0. The tables hold all of this as constraints too (sql/0005_ledger.sql); VerifyBooks proves
// it.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/clock.h"
#include "libs/base/money.h"
#include "services/billing/domain/ids.h"

namespace holdfast::billing {

// What an amount in the books is. Ours is an asset when debits exceed credits (receivable,
// clearing) and a debt or an income when credits do (the rest).
enum class LedgerKind {
  kWallet,      // prepaid money of an account
  kReceivable,  // invoiced to an account and not settled
  kReseller,    // prepaid money of a reseller
  kRevenue,     // earned, by tariff plan
  kTax,         // owed to the tax office, by region
  kClearing,    // came in or went out by a way of paying: cash, bank, a gateway
  kVoucher,     // given out as vouchers, by batch
  kPromotion,   // given away by the operator
};

std::string_view NameOf(LedgerKind kind);
std::optional<LedgerKind> LedgerKindOf(std::string_view name);

struct LedgerAccountId {
  LedgerKind kind = LedgerKind::kWallet;
  std::string owner;  // an id of billing: no '/'
  std::string currency;

  // "wallet/ann/EUR"
  std::string ToString() const;
  // INVALID_ARGUMENT for any other form.
  static absl::StatusOr<LedgerAccountId> Parse(std::string_view text);

  friend auto operator<=>(const LedgerAccountId&, const LedgerAccountId&) = default;
  friend bool operator==(const LedgerAccountId&, const LedgerAccountId&) = default;
};

inline LedgerAccountId WalletOf(const AccountId& account, const std::string& currency) {
  return {LedgerKind::kWallet, account.value(), currency};
}
inline LedgerAccountId ReceivableOf(const AccountId& account, const std::string& currency) {
  return {LedgerKind::kReceivable, account.value(), currency};
}

struct LedgerAccount {
  LedgerAccountId id;
  std::int64_t debits_posted = 0;
  std::int64_t credits_posted = 0;
  std::int64_t debits_pending = 0;
  std::int64_t credits_pending = 0;
  std::optional<std::int64_t> overdraft;  // nothing: without limit

  std::int64_t balance() const { return credits_posted - debits_posted; }
  // What may be taken from it now; what is held for somebody is not.
  std::int64_t available() const { return balance() - debits_pending + overdraft.value_or(0); }
};

// With the limit that its kind has from the start.
LedgerAccount OpenLedgerAccount(const LedgerAccountId& id);

struct Transfer {
  enum class Kind { kPosted, kPending, kPost, kVoid, kExpire };
  TransferId id;
  Kind kind = Kind::kPosted;
  LedgerAccountId debit;
  LedgerAccountId credit;
  std::int64_t amount = 0;             // positive; of their currency
  std::optional<TransferId> resolves;  // kPost, kVoid, kExpire: the pending one ...
  std::int64_t released = 0;           // ... and its amount
  std::optional<TransferId> reverses;
  std::optional<WallTime> expires_at;  // kPending; nothing: it waits for ever
};

// What happened, for one reason: all of its transfers are written or none.
struct Entry {
  EntryId id;
  std::string reason;  // for people: "invoice 2026-000017"
  std::vector<Transfer> transfers;

  // Adds a posted transfer, named after the entry. An amount of nothing adds nothing.
  void Move(const LedgerAccountId& debit, const LedgerAccountId& credit, std::int64_t amount);
};

// INVALID_ARGUMENT: an amount that is not positive or is too large, two currencies in one transfer,
// an account with itself, an id or a reason of the wrong form.
absl::Status CheckEntry(const Entry& entry);

// What a transfer does to an account it touches, limit or not.
void Book(const Transfer& transfer, LedgerAccount& account);
// The same. FAILED_PRECONDITION ("insufficient_funds: ...") if
// that would break the account's limit; the account is then as it was.
absl::Status Apply(const Transfer& transfer, LedgerAccount& account);

// The transfers that end a pending one or undo a posted one. FAILED_PRECONDITION: `original` is not
// of that kind. That it was not ended or undone before is for the store to say.
absl::StatusOr<Transfer> DecidePost(const Transfer& original, TransferId id, std::int64_t amount);
absl::StatusOr<Transfer> DecideVoid(const Transfer& original, TransferId id);
absl::StatusOr<Transfer> DecideExpiry(const Transfer& original, TransferId id, WallTime now);
absl::StatusOr<Transfer> DecideReversal(const Transfer& original, TransferId id);

// FAILED_PRECONDITION ("belongs_to_document: ...") for an entry that a document of ours explains:
// an invoice is undone by a credit note, a payment by a refund, else document and books differ.
absl::Status RefuseUnlessOnItsOwn(const Entry& entry);

}  // namespace holdfast::billing
