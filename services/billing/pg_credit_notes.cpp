// Credit notes in PostgreSQL.
#include <sstream>
#include <utility>

#include "libs/base/status.h"
#include "services/billing/pg_list.h"
#include "services/billing/pg_rows.h"
#include "services/billing/pg_store.h"
#include "services/billing/pg_transaction.h"

namespace holdfast::billing {
namespace {

using storage::PgResult;

#define HOLDFAST_DAY "DATE '1970-01-01' + $::int"

// "line net tax".
CreditLine LineOf(const std::string& text) {
  CreditLine line;
  std::istringstream(text) >> line.line >> line.amount.net >> line.amount.tax;
  return line;
}

}  // namespace

constexpr std::string_view kAddCreditNote = R"sql(
  INSERT INTO credit_note (credit_note_id, invoice_id, account_id, reason, to_wallet, issued_on)
  VALUES ($1, $2, $3, $4, $5, DATE '1970-01-01' + $6::int)
)sql";
constexpr std::string_view kAddCreditLine = R"sql(
  INSERT INTO credit_note_line (credit_note_id, line, net, tax) VALUES ($1, $2, $3, $4)
)sql";

absl::Status PgBillingTransaction::AddCreditNote(const CreditNote& note) {
  HOLDFAST_RETURN_IF_ERROR(tx_.Query(kAddCreditNote, note.id.value(), note.invoice.value(),
                                     note.account.value(), note.reason, note.to_wallet,
                                     DayParam(note.issued_on))
                               .status());
  for (const CreditLine& line : note.lines) {
    HOLDFAST_RETURN_IF_ERROR(
        tx_.Query(kAddCreditLine, note.id.value(), line.line, line.amount.net, line.amount.tax)
            .status());
  }
  return absl::OkStatus();
}

constexpr std::string_view kFindCreditNotes = R"sql(
  SELECT n.credit_note_id, n.account_id, n.reason, n.to_wallet,
         n.issued_on - DATE '1970-01-01', l.line, l.net, l.tax
    FROM credit_note n JOIN credit_note_line l USING (credit_note_id)
   WHERE n.invoice_id = $1 ORDER BY n.credit_note_id, l.line
)sql";

absl::StatusOr<std::vector<CreditNote>> PgBillingTransaction::FindCreditNotes(const InvoiceId& id) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, tx_.Query(kFindCreditNotes, id.value()));
  std::vector<CreditNote> notes;
  for (int row = 0; row < rows.rows(); ++row) {
    if (notes.empty() || notes.back().id.value() != rows.Text(row, 0)) {
      notes.push_back({.id = CreditNoteId(std::string(rows.Text(row, 0))),
                       .invoice = id,
                       .account = AccountId(std::string(rows.Text(row, 1))),
                       .reason = std::string(rows.Text(row, 2)),
                       .to_wallet = rows.Int(row, 3),
                       .issued_on = *DayAt(rows, row, 4)});
    }
    notes.back().lines.push_back(
        {static_cast<int>(rows.Int(row, 5)), {rows.Int(row, 6), rows.Int(row, 7)}});
  }
  return notes;
}

absl::StatusOr<std::vector<ListedCreditNote>> PgStore::ListCreditNotes(
    Deadline deadline, const CreditNoteFilter& filter) {
  PgList list(
      "SELECT n.credit_note_id, n.invoice_id, n.account_id, n.reason, n.to_wallet,"
      "       n.issued_on - DATE '1970-01-01', i.currency,"
      "       ARRAY(SELECT l.line || ' ' || l.net || ' ' || l.tax FROM credit_note_line l"
      "              WHERE l.credit_note_id = n.credit_note_id ORDER BY l.line)"
      "  FROM credit_note n JOIN invoice i USING (invoice_id)");
  list.WhereSet("n.account_id = $", filter.account).WhereSet("n.invoice_id = $", filter.invoice);
  if (filter.from) list.Where("n.issued_on >= " HOLDFAST_DAY, DayParam(filter.from));
  if (filter.until) list.Where("n.issued_on < " HOLDFAST_DAY, DayParam(filter.until));
  HOLDFAST_ASSIGN_OR_RETURN(
      const PgResult rows,
      list.Behind("n.issued_on, n.credit_note_id", filter.before)
          .Run(pool_, deadline, "n.issued_on DESC, n.credit_note_id DESC", filter.limit));
  std::vector<ListedCreditNote> notes;
  for (int row = 0; row < rows.rows(); ++row) {
    CreditNote note{.id = CreditNoteId(std::string(rows.Text(row, 0))),
                    .invoice = InvoiceId(std::string(rows.Text(row, 1))),
                    .account = AccountId(std::string(rows.Text(row, 2))),
                    .reason = std::string(rows.Text(row, 3)),
                    .to_wallet = rows.Int(row, 4),
                    .issued_on = *DayAt(rows, row, 5)};
    for (const std::string& line : rows.TextArray(row, 7)) note.lines.push_back(LineOf(line));
    notes.push_back({std::move(note), std::string(rows.Text(row, 6))});
  }
  return notes;
}

}  // namespace holdfast::billing
