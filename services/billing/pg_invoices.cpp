// Taxes, invoices, credit notes, charged terms and payments in PostgreSQL.
#include <map>
#include <sstream>
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

#define HOLDFAST_INVOICE_COLUMNS                                                  \
  "i.invoice_id, i.account_id, i.currency, i.tax_region, i.tax_name, i.tax_ppm, " \
  "i.tax_inclusive, i.net, i.tax, i.settled, i.credited, i.returned, "            \
  "i.issued_on - DATE '1970-01-01', i.due_on - DATE '1970-01-01', coalesce(i.number, 0)"
#define HOLDFAST_DAY "DATE '1970-01-01' + $::int"
constexpr std::string_view kIsOpen = "i.net + i.tax - i.credited - i.settled + i.returned > 0";

Invoice InvoiceAt(const PgResult& rows, int row) {
  Invoice invoice;
  invoice.id = InvoiceId(std::string(rows.Text(row, 0)));
  invoice.account = AccountId(std::string(rows.Text(row, 1)));
  invoice.currency = rows.Text(row, 2);
  invoice.rate.region = rows.Text(row, 3);
  invoice.rate.name = rows.Text(row, 4);
  invoice.rate.parts_per_million = static_cast<int>(rows.Int(row, 5));
  invoice.rate.kind = rows.Bool(row, 6) ? TaxRate::Kind::kInclusive : TaxRate::Kind::kExclusive;
  invoice.net = rows.Int(row, 7);
  invoice.tax = rows.Int(row, 8);
  invoice.settled = rows.Int(row, 9);
  invoice.credited = rows.Int(row, 10);
  invoice.returned = rows.Int(row, 11);
  invoice.issued_on = *DayAt(rows, row, 12);
  invoice.due_on = *DayAt(rows, row, 13);
  return invoice;
}

constexpr std::string_view kLines = R"sql(
  SELECT invoice_id, text, tariff_plan_id, subscription_id, from_day - DATE '1970-01-01',
         to_day - DATE '1970-01-01', quoted, net, tax, coupon_id, period_price, period_days,
         discount_ppm
    FROM invoice_line WHERE invoice_id = ANY($1::text[]) ORDER BY invoice_id, line
)sql";

// Of the lines of several invoices, each to its own.
void TakeLines(const PgResult& rows, std::map<std::string, Invoice*>& invoices) {
  for (int row = 0; row < rows.rows(); ++row) {
    InvoiceLine line{.text = std::string(rows.Text(row, 1)),
                     .plan = TariffPlanId(std::string(rows.Text(row, 2))),
                     .subscription = SubscriptionId(std::string(rows.Text(row, 3))),
                     .quoted = rows.Int(row, 6),
                     .amount = {rows.Int(row, 7), rows.Int(row, 8)},
                     .coupon = std::string(rows.Text(row, 9)),
                     .period_price = rows.Int(row, 10),
                     .period_days = rows.Int(row, 11),
                     .discount_ppm = static_cast<int>(rows.Int(row, 12))};
    if (!rows.IsNull(row, 4)) line.days = {*DayAt(rows, row, 4), *DayAt(rows, row, 5)};
    invoices.at(std::string(rows.Text(row, 0)))->lines.push_back(std::move(line));
  }
}

std::vector<std::string> IdsOf(const std::map<std::string, Invoice*>& invoices) {
  std::vector<std::string> ids;
  for (const auto& [id, invoice] : invoices) ids.push_back(id);
  return ids;
}

// "line net tax".
CreditLine LineOf(const std::string& text) {
  CreditLine line;
  std::istringstream(text) >> line.line >> line.amount.net >> line.amount.tax;
  return line;
}

TaxRate RateAt(const PgResult& rows, int row) {
  return {.region = std::string(rows.Text(row, 0)),
          .name = std::string(rows.Text(row, 1)),
          .parts_per_million = static_cast<int>(rows.Int(row, 2)),
          .kind = rows.Bool(row, 3) ? TaxRate::Kind::kInclusive : TaxRate::Kind::kExclusive,
          .valid_from = *DayAt(rows, row, 4)};
}

constexpr std::string_view kSelectPayment =
    "SELECT payment_id, account_id, currency, amount, method, reference, refunded, refunds,"
    "       created_at, charged_back, chargebacks FROM payment ";

Payment PaymentAt(const PgResult& rows, int row) {
  absl::StatusOr<Money> amount = Money::Make(rows.Int(row, 3), rows.Text(row, 2));
  HOLDFAST_CHECK(amount.ok());
  return {.id = PaymentId(std::string(rows.Text(row, 0))),
          .account = AccountId(std::string(rows.Text(row, 1))),
          .amount = *std::move(amount),
          .method = std::string(rows.Text(row, 4)),
          .reference = std::string(rows.Text(row, 5)),
          .refunded = rows.Int(row, 6),
          .refunds = static_cast<int>(rows.Int(row, 7)),
          .charged_back = rows.Int(row, 9),
          .chargebacks = static_cast<int>(rows.Int(row, 10)),
          .created_at = rows.Time(row, 8)};
}

}  // namespace

// -- Taxes ----------------------------------------------------------------------------------------

constexpr std::string_view kPutTaxRate = R"sql(
  INSERT INTO tax_rate (region, valid_from, name, parts_per_million, inclusive)
  VALUES ($1, DATE '1970-01-01' + $2::int, $3, $4, $5)
  ON CONFLICT (region, valid_from) DO UPDATE
     SET name = $3, parts_per_million = $4, inclusive = $5
)sql";

absl::Status PgBillingTransaction::PutTaxRate(const TaxRate& rate) {
  return tx_
      .Query(kPutTaxRate, rate.region, DayParam(rate.valid_from), rate.name, rate.parts_per_million,
             rate.kind == TaxRate::Kind::kInclusive)
      .status();
}

constexpr std::string_view kFindTaxRate = R"sql(
  SELECT region, name, parts_per_million, inclusive, valid_from - DATE '1970-01-01' FROM tax_rate
   WHERE region = $1 AND valid_from <= DATE '1970-01-01' + $2::int
   ORDER BY valid_from DESC LIMIT 1
)sql";

absl::StatusOr<TaxRate> PgBillingTransaction::FindTaxRate(const std::string& region, sys_days day) {
  if (region.empty()) return TaxRate{.region = "none"};
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, tx_.Query(kFindTaxRate, region, DayParam(day)));
  if (rows.rows() == 0) return TaxRate{.region = region};
  return RateAt(rows, 0);
}

absl::StatusOr<std::vector<TaxRate>> PgStore::ListTaxRates(Deadline deadline,
                                                           const TaxRateFilter& filter) {
  constexpr std::string_view kOrder = R"(region || '/' || valid_from::text COLLATE "C")";
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows,
                            PgList("SELECT region, name, parts_per_million, inclusive,"
                                   " valid_from - DATE '1970-01-01' FROM tax_rate")
                                .WhereSet("region = $", filter.region)
                                .WhereSet(fmt::format("{} > $", kOrder), filter.after)
                                .Run(pool_, deadline, kOrder, filter.limit));
  std::vector<TaxRate> rates;
  for (int row = 0; row < rows.rows(); ++row) rates.push_back(RateAt(rows, row));
  return rates;
}

// -- Terms ----------------------------------------------------------------------------------------

constexpr std::string_view kAddTerm = R"sql(
  INSERT INTO subscription_term (subscription_id, from_day, to_day, invoice_id, redemption_id,
                                 period_end, period_days)
  VALUES ($1, DATE '1970-01-01' + $2::int, DATE '1970-01-01' + $3::int, $4, $5,
          DATE '1970-01-01' + $6::int, $7)
)sql";

absl::Status PgBillingTransaction::AddTerm(const Term& term) {
  const PgParam invoice = term.invoice ? PgParam(term.invoice->value()) : std::nullopt;
  const absl::Status status =
      tx_.Query(kAddTerm, term.subscription.value(), DayParam(term.days.from),
                DayParam(term.days.to), invoice, PgParam(term.redemption),
                term.redemption ? DayParam(term.period_end) : PgParam(std::nullopt),
                term.period_days)
          .status();
  if (!absl::IsAlreadyExists(status)) return status;
  return AlreadyExists("already_charged: subscription {} was charged for {} before",
                       term.subscription.value(), ShowDay(term.days.from));
}

constexpr std::string_view kFindTerm = R"sql(
  SELECT from_day - DATE '1970-01-01', to_day - DATE '1970-01-01', invoice_id, redemption_id,
         period_end - DATE '1970-01-01', period_days
    FROM subscription_term
   WHERE subscription_id = $1 AND from_day <= DATE '1970-01-01' + $2::int
     AND to_day > DATE '1970-01-01' + $2::int AND NOT void
)sql";

absl::StatusOr<std::optional<Term>> PgBillingTransaction::FindTerm(const SubscriptionId& id,
                                                                   sys_days day) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, tx_.Query(kFindTerm, id.value(), DayParam(day)));
  if (rows.rows() == 0) return std::optional<Term>();
  Term term{.subscription = id,
            .days = {*DayAt(rows, 0, 0), *DayAt(rows, 0, 1)},
            .period_days = rows.Int(0, 5)};
  if (!rows.IsNull(0, 2)) term.invoice = InvoiceId(std::string(rows.Text(0, 2)));
  if (!rows.IsNull(0, 3)) {
    term.redemption = rows.Int(0, 3);
    term.period_end = *DayAt(rows, 0, 4);
  }
  return std::optional(term);
}

constexpr std::string_view kEndTerm = R"sql(
  UPDATE subscription_term
     SET to_day = DATE '1970-01-01' + $3::int, void = from_day >= DATE '1970-01-01' + $3::int
   WHERE subscription_id = $1 AND from_day = DATE '1970-01-01' + $2::int AND NOT void
)sql";

// All terms of the period: a change of plan may have made several of it.
constexpr std::string_view kMovePeriod = R"sql(
  UPDATE subscription_term SET period_end = DATE '1970-01-01' + $3::int
   WHERE subscription_id = $1 AND period_end = DATE '1970-01-01' + $2::int
)sql";

absl::Status PgBillingTransaction::EndTerm(const Term& term, sys_days to) {
  if (term.redemption && to > term.days.to) {
    HOLDFAST_RETURN_IF_ERROR(
        tx_.Query(kMovePeriod, term.subscription.value(), DayParam(term.period_end), DayParam(to))
            .status());
  }
  return tx_.Query(kEndTerm, term.subscription.value(), DayParam(term.days.from), DayParam(to))
      .status();
}

constexpr std::string_view kMoveTerm = R"sql(
  UPDATE subscription_term
     SET from_day = DATE '1970-01-01' + $3::int, to_day = DATE '1970-01-01' + $4::int,
         period_end = CASE WHEN period_end IS NULL THEN NULL ELSE DATE '1970-01-01' + $4::int END
   WHERE subscription_id = $1 AND from_day = DATE '1970-01-01' + $2::int AND NOT void
)sql";

absl::Status PgBillingTransaction::MoveTerm(const Term& term, const Days& to) {
  return tx_
      .Query(kMoveTerm, term.subscription.value(), DayParam(term.days.from), DayParam(to.from),
             DayParam(to.to))
      .status();
}

// -- Invoices -------------------------------------------------------------------------------------

constexpr std::string_view kAddInvoice = R"sql(
  INSERT INTO invoice (invoice_id, account_id, currency, tax_region, tax_name, tax_ppm,
                       tax_inclusive, net, tax, settled, credited, returned, issued_on, due_on)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, DATE '1970-01-01' + $13::int,
          DATE '1970-01-01' + $14::int)
)sql";
constexpr std::string_view kAddLine = R"sql(
  INSERT INTO invoice_line (invoice_id, line, text, tariff_plan_id, subscription_id, from_day,
                            to_day, quoted, net, tax, coupon_id, period_price, period_days,
                            discount_ppm)
  VALUES ($1, $2, $3, $4, $5, DATE '1970-01-01' + $6::int, DATE '1970-01-01' + $7::int, $8, $9, $10,
          $11, $12, $13, $14)
)sql";

absl::Status PgBillingTransaction::AddInvoice(const Invoice& i) {
  changed_.insert(i.account);  // its entitlement tells what it owes
  Tell(InvoiceIssued(i));
  HOLDFAST_RETURN_IF_ERROR(tx_.Query(kAddInvoice, i.id.value(), i.account.value(), i.currency,
                                     i.rate.region, i.rate.name, i.rate.parts_per_million,
                                     i.rate.kind == TaxRate::Kind::kInclusive, i.net, i.tax,
                                     i.settled, i.credited, i.returned, DayParam(i.issued_on),
                                     DayParam(i.due_on))
                               .status());
  int number = 0;
  for (const InvoiceLine& line : i.lines) {
    const bool for_days = line.days.count() > 0;
    HOLDFAST_RETURN_IF_ERROR(tx_.Query(kAddLine, i.id.value(), number++, line.text,
                                       line.plan.value(), line.subscription.value(),
                                       for_days ? DayParam(line.days.from) : std::nullopt,
                                       for_days ? DayParam(line.days.to) : std::nullopt,
                                       line.quoted, line.amount.net, line.amount.tax, line.coupon,
                                       line.period_price, line.period_days, line.discount_ppm)
                                 .status());
  }
  invoices_.push_back(i.id.value());
  return absl::OkStatus();
}

// The counter's row stays locked until the commit: numbers have no gap.
constexpr std::string_view kNumberInvoices = R"sql(
  WITH given AS (
    UPDATE invoice_counter SET number = number + cardinality($1::text[])
    RETURNING number - cardinality($1::text[]) AS base
  )
  UPDATE invoice SET number = given.base + x.n
    FROM given, unnest($1::text[]) WITH ORDINALITY AS x (invoice_id, n)
   WHERE invoice.invoice_id = x.invoice_id
)sql";

absl::Status PgBillingTransaction::NumberInvoices() {
  if (invoices_.empty()) return absl::OkStatus();
  return tx_.Query(kNumberInvoices, invoices_).status();
}

constexpr std::string_view kSaveInvoice = R"sql(
  UPDATE invoice SET settled = $2, credited = $3, returned = $4 WHERE invoice_id = $1
)sql";

absl::Status PgBillingTransaction::SaveInvoice(const Invoice& i) {
  changed_.insert(i.account);
  return tx_.Query(kSaveInvoice, i.id.value(), i.settled, i.credited, i.returned).status();
}

constexpr std::string_view kFindInvoice =
    "SELECT " HOLDFAST_INVOICE_COLUMNS " FROM invoice i WHERE i.invoice_id = $1";

absl::StatusOr<Invoice> PgBillingTransaction::FindInvoice(const InvoiceId& id) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const PgResult owner,
      tx_.Query("SELECT account_id FROM invoice WHERE invoice_id = $1", id.value()));
  if (owner.rows() == 0) return NotFound("invoice {} unknown", id.value());
  const AccountId account{std::string(owner.Text(0, 0))};
  HOLDFAST_RETURN_IF_ERROR(FindAccount(account).status());  // locks it; then read what is true now
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, tx_.Query(kFindInvoice, id.value()));
  Invoice invoice = InvoiceAt(rows, 0);
  std::map<std::string, Invoice*> by_id = {{id.value(), &invoice}};
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult lines, tx_.Query(kLines, IdsOf(by_id)));
  TakeLines(lines, by_id);
  return invoice;
}

constexpr std::string_view kNextSettlement = R"sql(
  UPDATE invoice SET settlements = settlements + 1 WHERE invoice_id = $1 RETURNING settlements
)sql";

absl::StatusOr<int> PgBillingTransaction::NextSettlement(const InvoiceId& id) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, tx_.Query(kNextSettlement, id.value()));
  if (rows.rows() == 0) return NotFound("invoice {} unknown", id.value());
  return static_cast<int>(rows.Int(0, 0));
}

absl::StatusOr<std::vector<Invoice>> PgBillingTransaction::OpenInvoices(const AccountId& id) {
  static const std::string kFind = "SELECT " HOLDFAST_INVOICE_COLUMNS
                                   " FROM invoice i WHERE i.account_id = $1 AND " +
                                   std::string(kIsOpen) + " ORDER BY i.due_on, i.number";
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, tx_.Query(kFind, id.value()));
  std::vector<Invoice> open;
  for (int row = 0; row < rows.rows(); ++row) open.push_back(InvoiceAt(rows, row));
  return open;
}

absl::StatusOr<std::vector<Invoice>> PgBillingTransaction::SettledInvoices(
    const AccountId& id, const std::string& currency) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const PgResult rows,
      tx_.Query("SELECT " HOLDFAST_INVOICE_COLUMNS
                " FROM invoice i WHERE i.account_id = $1 AND i.currency = $2"
                " AND i.settled > i.returned ORDER BY i.number DESC NULLS FIRST",
                id.value(), currency));
  std::vector<Invoice> settled;
  for (int row = 0; row < rows.rows(); ++row) settled.push_back(InvoiceAt(rows, row));
  return settled;
}

// $1 today, $2 the days of the schedule, $3 limit. The step of an invoice is the number of days of
// the schedule that it is behind.
absl::StatusOr<std::vector<OverdueInvoice>> PgBillingTransaction::OverdueInvoices(
    sys_days today, const DunningSchedule& schedule, int limit) {
  static const std::string kFind =
      "SELECT " HOLDFAST_INVOICE_COLUMNS
      ", n.told FROM invoice i"
      " CROSS JOIN LATERAL (SELECT coalesce(max(d.step), 0) AS told FROM dunning_notice d"
      "                      WHERE d.invoice_id = i.invoice_id) n"
      " WHERE " +
      std::string(kIsOpen) +
      " AND i.due_on < DATE '1970-01-01' + $1::int"
      " AND n.told < (SELECT count(*) FROM unnest($2::int[]) AS days"
      "                WHERE i.due_on + days <= DATE '1970-01-01' + $1::int)"
      " ORDER BY i.due_on LIMIT $3";
  std::vector<std::int64_t> days;
  for (const std::chrono::days after : schedule) days.push_back(after.count());
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, tx_.Query(kFind, DayParam(today), days, limit));
  std::vector<OverdueInvoice> overdue;
  for (int row = 0; row < rows.rows(); ++row) {
    overdue.push_back({InvoiceAt(rows, row), static_cast<int>(rows.Int(row, 15))});
  }
  return overdue;
}

absl::StatusOr<std::vector<BookedInvoice>> PgStore::ListInvoices(Deadline deadline,
                                                                 const InvoiceFilter& filter) {
  PgList list("SELECT " HOLDFAST_INVOICE_COLUMNS " FROM invoice i");
  list.Where("i.number > $", filter.after)
      .WhereSet("i.account_id = $", filter.account)
      .WhereSet("i.currency = $", filter.currency);
  if (filter.only_open) list.Where(kIsOpen);
  if (filter.issued_from) list.Where("i.issued_on >= " HOLDFAST_DAY, DayParam(filter.issued_from));
  if (filter.issued_until) list.Where("i.issued_on < " HOLDFAST_DAY, DayParam(filter.issued_until));
  if (filter.due_until) list.Where("i.due_on < " HOLDFAST_DAY, DayParam(filter.due_until));
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows,
                            list.Run(pool_, deadline, "i.number", filter.limit));
  std::vector<BookedInvoice> invoices;
  for (int row = 0; row < rows.rows(); ++row) {
    invoices.push_back({static_cast<std::uint64_t>(rows.Int(row, 14)), InvoiceAt(rows, row)});
  }
  std::map<std::string, Invoice*> by_id;
  for (BookedInvoice& booked : invoices) by_id[booked.invoice.id.value()] = &booked.invoice;
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult lines, pool_.Query(deadline, kLines, IdsOf(by_id)));
  TakeLines(lines, by_id);
  return invoices;
}

// -- Credit notes ---------------------------------------------------------------------------------

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

// -- Payments -------------------------------------------------------------------------------------

constexpr std::string_view kAddPayment = R"sql(
  INSERT INTO payment (payment_id, account_id, currency, amount, method, reference)
  VALUES ($1, $2, $3, $4, $5, $6)
)sql";

absl::Status PgBillingTransaction::AddPayment(const Payment& p) {
  Note("TakePayment", p.account.value(), p.id.value(),
       fmt::format(R"({{"payment_id":"{}","minor_units":{},"currency":"{}","method":"{}"}})",
                   p.id.value(), p.amount.minor_units(), p.amount.currency(), p.method));
  Tell(PaymentTaken(p.account, p.id, p.amount, p.method));
  const absl::Status status =
      tx_.Query(kAddPayment, p.id.value(), p.account.value(), p.amount.currency(),
                p.amount.minor_units(), p.method, p.reference)
          .status();
  if (!absl::IsAlreadyExists(status)) return status;
  return AlreadyExists("already_paid: {} {} was recorded before", p.method, p.reference);
}

absl::StatusOr<std::optional<PaymentId>> PgBillingTransaction::FindPaymentOf(
    const std::string& method, const std::string& reference) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const PgResult rows,
      tx_.Query("SELECT payment_id FROM payment WHERE method = $1 AND reference = $2", method,
                reference));
  if (rows.rows() == 0) return std::optional<PaymentId>();
  return std::optional(PaymentId(std::string(rows.Text(0, 0))));
}

absl::StatusOr<Payment> PgBillingTransaction::FindPayment(const PaymentId& id) {
  static const std::string kFind = std::string(kSelectPayment) + "WHERE payment_id = $1";
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult found, tx_.Query(kFind, id.value()));
  if (found.rows() == 0) return NotFound("payment {} unknown", id.value());
  HOLDFAST_RETURN_IF_ERROR(FindAccount(PaymentAt(found, 0).account).status());  // locks it
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, tx_.Query(kFind, id.value()));
  return PaymentAt(rows, 0);
}

absl::Status PgBillingTransaction::SavePayment(const Payment& p) {
  return tx_
      .Query(
          "UPDATE payment SET refunded = $2, refunds = $3, charged_back = $4, chargebacks = $5"
          " WHERE payment_id = $1",
          p.id.value(), p.refunded, p.refunds, p.charged_back, p.chargebacks)
      .status();
}

absl::StatusOr<std::vector<Payment>> PgStore::ListPayments(Deadline deadline,
                                                           const PaymentFilter& filter) {
  PgList list(kSelectPayment);
  list.WhereSet("account_id = $", filter.account).WhereSet("method = $", filter.method);
  if (filter.from) list.Where("created_at >= $", *filter.from);
  if (filter.until) list.Where("created_at < $", *filter.until);
  HOLDFAST_ASSIGN_OR_RETURN(
      const PgResult rows,
      list.Behind("created_at, payment_id", filter.before)
          .Run(pool_, deadline, "created_at DESC, payment_id DESC", filter.limit));
  std::vector<Payment> payments;
  for (int row = 0; row < rows.rows(); ++row) payments.push_back(PaymentAt(rows, row));
  return payments;
}

}  // namespace holdfast::billing
