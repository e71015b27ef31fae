// The books in PostgreSQL: what sql/0005_ledger.sql cannot do by itself.
#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "libs/base/check.h"
#include "libs/base/status.h"
#include "services/billing/pg_list.h"
#include "services/billing/pg_rows.h"
#include "services/billing/pg_store.h"
#include "services/billing/pg_transaction.h"

namespace holdfast::billing {
namespace {

using storage::PgParam;
using storage::PgResult;

// In the order of Transfer::Kind.
constexpr std::array<std::string_view, 5> kTransferKinds = {"posted", "pending", "post", "void",
                                                            "expire"};

std::string_view NameOf(Transfer::Kind kind) {
  return kTransferKinds[static_cast<std::size_t>(kind)];
}

Transfer::Kind TransferKindOf(std::string_view name) {
  const auto found = std::find(kTransferKinds.begin(), kTransferKinds.end(), name);
  HOLDFAST_CHECK(found != kTransferKinds.end());
  return static_cast<Transfer::Kind>(found - kTransferKinds.begin());
}

LedgerAccountId LedgerAccountIdAt(const PgResult& rows, int row, int column) {
  absl::StatusOr<LedgerAccountId> id = LedgerAccountId::Parse(rows.Text(row, column));
  HOLDFAST_CHECK(id.ok());
  return *std::move(id);
}

constexpr std::string_view kSelectAccount =
    "SELECT a.ledger_account_id, a.debits_posted, a.credits_posted, a.debits_pending,"
    "       a.credits_pending, a.overdraft FROM ledger_account a ";

LedgerAccount LedgerAccountAt(const PgResult& rows, int row) {
  LedgerAccount account{.id = LedgerAccountIdAt(rows, row, 0),
                        .debits_posted = rows.Int(row, 1),
                        .credits_posted = rows.Int(row, 2),
                        .debits_pending = rows.Int(row, 3),
                        .credits_pending = rows.Int(row, 4)};
  if (!rows.IsNull(row, 5)) account.overdraft = rows.Int(row, 5);
  return account;
}

constexpr std::string_view kSelectTransfer =
    "SELECT t.position, t.entry_id, t.reason, t.created_at, t.transfer_id, t.kind, t.debit_account,"
    "       t.credit_account, t.amount, t.resolves, t.released, t.reverses, t.expires_at"
    "  FROM ledger_transfer t ";

BookedTransfer TransferAt(const PgResult& rows, int row) {
  BookedTransfer booked{.position = static_cast<std::uint64_t>(rows.Int(row, 0)),
                        .entry = EntryId(std::string(rows.Text(row, 1))),
                        .reason = std::string(rows.Text(row, 2)),
                        .created_at = rows.Time(row, 3)};
  Transfer& t = booked.transfer;
  t.id = TransferId(std::string(rows.Text(row, 4)));
  t.kind = TransferKindOf(rows.Text(row, 5));
  t.debit = LedgerAccountIdAt(rows, row, 6);
  t.credit = LedgerAccountIdAt(rows, row, 7);
  t.amount = rows.Int(row, 8);
  if (!rows.IsNull(row, 9)) t.resolves = TransferId(std::string(rows.Text(row, 9)));
  t.released = rows.Int(row, 10);
  if (!rows.IsNull(row, 11)) t.reverses = TransferId(std::string(rows.Text(row, 11)));
  if (!rows.IsNull(row, 12)) t.expires_at = rows.Time(row, 12);
  return booked;
}

std::vector<BookedTransfer> AllTransfers(const PgResult& rows) {
  std::vector<BookedTransfer> all;
  for (int row = 0; row < rows.rows(); ++row) all.push_back(TransferAt(rows, row));
  return all;
}

// Columns of what is inserted, for unnest.
struct TransferColumns {
  std::vector<std::string> ids, entries, kinds, currencies, debits, credits;
  std::vector<std::int64_t> amounts, released, expires;  // expires: microseconds, 0: never
  std::vector<std::string> resolves, reverses, reasons;

  void Add(const Entry& entry, const Transfer& t) {
    ids.push_back(t.id.value());
    entries.push_back(entry.id.value());
    kinds.emplace_back(NameOf(t.kind));
    currencies.push_back(t.debit.currency);
    debits.push_back(t.debit.ToString());
    credits.push_back(t.credit.ToString());
    amounts.push_back(t.amount);
    resolves.push_back(t.resolves ? t.resolves->value() : "");
    released.push_back(t.released);
    reverses.push_back(t.reverses ? t.reverses->value() : "");
    using std::chrono::floor;
    using std::chrono::microseconds;
    expires.push_back(t.expires_at ? floor<microseconds>(t.expires_at->time_since_epoch()).count()
                                   : 0);
    reasons.push_back(entry.reason);
  }
};

// What the constraints refuse, in words that a caller can act on.
absl::Status Refusal(const absl::Status& status) {
  const std::string_view text = View(status.message());
  const auto names = [&](std::string_view what) { return text.find(what) != text.npos; };
  if (names("ledger_limit")) {
    return FailedPrecondition("insufficient_funds: there is not enough money for this");
  }
  if (names("ledger_transfer_resolves_key")) {
    return FailedPrecondition("already_resolved: the held money was taken or given back before");
  }
  if (names("ledger_transfer_reverses_key")) {
    return FailedPrecondition("already_reversed: it was reversed before");
  }
  return status;
}

}  // namespace

// -- Reading --------------------------------------------------------------------------------------

absl::StatusOr<LedgerAccount> PgBillingTransaction::FindLedgerAccount(const LedgerAccountId& id) {
  static const std::string kFind = std::string(kSelectAccount) + "WHERE a.ledger_account_id = $1";
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, tx_.Query(kFind, id.ToString()));
  LedgerAccount account = rows.rows() == 0 ? OpenLedgerAccount(id) : LedgerAccountAt(rows, 0);
  for (const Entry& entry : posted_) {
    for (const Transfer& transfer : entry.transfers) Book(transfer, account);
  }
  return account;
}

absl::StatusOr<Transfer> PgBillingTransaction::FindTransfer(const TransferId& id) {
  static const std::string kFind = std::string(kSelectTransfer) + "WHERE t.transfer_id = $1";
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, tx_.Query(kFind, id.value()));
  if (rows.rows() == 0) return NotFound("transfer {} unknown", id.value());
  return TransferAt(rows, 0).transfer;
}

absl::StatusOr<Entry> PgBillingTransaction::FindEntry(const EntryId& id) {
  static const std::string kFind =
      std::string(kSelectTransfer) + "WHERE t.entry_id = $1 ORDER BY t.position";
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, tx_.Query(kFind, id.value()));
  if (rows.rows() == 0) return NotFound("entry {} unknown", id.value());
  Entry entry{.id = id, .reason = std::string(rows.Text(0, 2))};
  for (BookedTransfer& booked : AllTransfers(rows)) {
    entry.transfers.push_back(std::move(booked.transfer));
  }
  return entry;
}

absl::StatusOr<std::vector<Transfer>> PgBillingTransaction::ExpiredTransfers(WallTime now,
                                                                             int limit) {
  static const std::string kFind =
      std::string(kSelectTransfer) +
      "WHERE t.expires_at <= $1 AND NOT EXISTS (SELECT 1 FROM ledger_transfer r"
      " WHERE r.resolves = t.transfer_id) ORDER BY t.expires_at LIMIT $2";
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, tx_.Query(kFind, now, limit));
  std::vector<Transfer> expired;
  for (BookedTransfer& booked : AllTransfers(rows)) expired.push_back(std::move(booked.transfer));
  return expired;
}

// -- Writing --------------------------------------------------------------------------------------

absl::Status PgBillingTransaction::Post(const Entry& entry) {
  HOLDFAST_RETURN_IF_ERROR(CheckEntry(entry));
  posted_.push_back(entry);
  // An entitlement tells what the wallet holds.
  for (const Transfer& transfer : entry.transfers) {
    for (const LedgerAccountId& id : {transfer.debit, transfer.credit}) {
      if (id.kind == LedgerKind::kWallet) changed_.insert(AccountId(id.owner));
    }
    // Some of its accounts may wait for that money.
    if (transfer.credit.kind == LedgerKind::kReseller) {
      funded_.insert(ResellerId(transfer.credit.owner));
    }
  }
  return absl::OkStatus();
}

constexpr std::string_view kOpenAccounts = R"sql(
  INSERT INTO ledger_account (ledger_account_id, kind, owner, currency, overdraft)
  SELECT id, split_part(id, '/', 1), split_part(id, '/', 2), split_part(id, '/', 3),
         CASE WHEN limited THEN 0 END
    FROM unnest($1::text[], $2::bool[]) AS x (id, limited) ORDER BY id
  ON CONFLICT DO NOTHING
)sql";

// The counter's row stays locked until the commit: positions have no gap and appear in their order.
constexpr std::string_view kInsertTransfers = R"sql(
  WITH given AS (
    UPDATE ledger_counter SET position = position + cardinality($1::text[])
    RETURNING position - cardinality($1::text[]) AS base
  )
  INSERT INTO ledger_transfer (position, transfer_id, entry_id, kind, currency, debit_account,
                               credit_account, amount, resolves, released, reverses, reversed_kind,
                               expires_at, reason, created_at)
  SELECT given.base + x.n, x.id, x.entry, x.kind, x.currency, x.debit, x.credit, x.amount,
         nullif(x.resolves, ''), x.released, nullif(x.reverses, ''),
         (SELECT r.kind FROM ledger_transfer r WHERE r.transfer_id = nullif(x.reverses, '')),
         CASE WHEN x.expires > 0
              THEN timestamptz 'epoch' + x.expires * interval '1 microsecond' END,
         x.reason, now()
    FROM given, unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
                       $7::bigint[], $8::text[], $9::bigint[], $10::text[], $11::bigint[],
                       $12::text[]) WITH ORDINALITY
           AS x (id, entry, kind, currency, debit, credit, amount, resolves, released, reverses,
                 expires, reason, n)
)sql";

absl::Status PgBillingTransaction::WriteBooks() {
  TransferColumns columns;
  std::map<std::string, bool> limited;
  for (const Entry& entry : posted_) {
    for (const Transfer& transfer : entry.transfers) {
      columns.Add(entry, transfer);
      for (const LedgerAccountId& id : {transfer.debit, transfer.credit}) {
        limited.try_emplace(id.ToString(), OpenLedgerAccount(id).overdraft.has_value());
      }
    }
  }
  if (columns.ids.empty()) return absl::OkStatus();
  std::vector<std::string> names, limits;
  for (const auto& [name, is_limited] : limited) {
    names.push_back(name);
    limits.emplace_back(is_limited ? "t" : "f");
  }
  HOLDFAST_RETURN_IF_ERROR(tx_.Query(kOpenAccounts, names, limits).status());
  return Refusal(tx_.Query(kInsertTransfers, columns.ids, columns.entries, columns.kinds,
                           columns.currencies, columns.debits, columns.credits, columns.amounts,
                           columns.resolves, columns.released, columns.reverses, columns.expires,
                           columns.reasons)
                     .status());
}

// -- Lists ----------------------------------------------------------------------------------------

absl::StatusOr<std::vector<LedgerAccount>> PgStore::ListBalances(Deadline deadline,
                                                                 const BalanceFilter& filter) {
  static const std::string kList =
      std::string(kSelectAccount) +
      "WHERE a.ledger_account_id > $1 AND ($2 = '' OR a.owner = $2)"
      "  AND ($3::text IS NULL OR a.kind = $3) ORDER BY a.ledger_account_id LIMIT $4";
  const PgParam kind = filter.kind ? PgParam(NameOf(*filter.kind)) : PgParam(std::nullopt);
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, pool_.Query(deadline, kList, filter.after,
                                                             filter.owner, kind, filter.limit));
  std::vector<LedgerAccount> balances;
  for (int row = 0; row < rows.rows(); ++row) balances.push_back(LedgerAccountAt(rows, row));
  return balances;
}

absl::StatusOr<std::vector<BookedTransfer>> PgStore::ListTransfers(Deadline deadline,
                                                                   const TransferFilter& filter) {
  PgList list(kSelectTransfer);
  list.Where("t.position > $", filter.after);
  if (filter.account) {
    list.Where("(t.debit_account = $ OR t.credit_account = $)", filter.account->ToString());
  }
  list.WhereSet("t.entry_id = $", filter.entry);
  // By the indexes of the owner's accounts first: in the order of positions nearly all transfers
  // would be read to find somebody's few.
  list.WhereSet(
      "t.position IN (SELECT x.position FROM ledger_account l JOIN ledger_transfer x"
      " ON l.ledger_account_id IN (x.debit_account, x.credit_account)"
      " WHERE l.owner = $ AND l.kind IN ('wallet', 'receivable'))",
      filter.owner);
  if (filter.from) list.Where("t.created_at >= $", *filter.from);
  if (filter.until) list.Where("t.created_at < $", *filter.until);
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows,
                            list.Run(pool_, deadline, "t.position", filter.limit));
  return AllTransfers(rows);
}

}  // namespace holdfast::billing
