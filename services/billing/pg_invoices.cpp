// Invoices and how they are settled, in PostgreSQL.
#include <map>
#include <utility>

#include "libs/base/status.h"
#include "services/billing/pg_list.h"
#include "services/billing/pg_rows.h"
#include "services/billing/pg_store.h"
#include "services/billing/pg_transaction.h"

namespace holdfast::billing {
namespace {

using storage::PgResult;

#define HOLDFAST_INVOICE_COLUMNS                                                  \
  "i.invoice_id, i.account_id, i.currency, i.tax_region, i.tax_name, i.tax_ppm, " \
  "i.tax_inclusive, i.net, i.tax, i.settled, i.credited, i.returned, "            \
  "i.issued_on - DATE '1970-01-01', i.due_on - DATE '1970-01-01', coalesce(i.number, 0), i.voided"
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
  invoice.voided = rows.Bool(row, 15);
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

}  // namespace

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
  UPDATE invoice SET settled = $2, credited = $3, returned = $4, voided = $5 WHERE invoice_id = $1
)sql";

absl::Status PgBillingTransaction::SaveInvoice(const Invoice& i) {
  changed_.insert(i.account);
  return tx_.Query(kSaveInvoice, i.id.value(), i.settled, i.credited, i.returned, i.voided)
      .status();
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
    overdue.push_back({InvoiceAt(rows, row), static_cast<int>(rows.Int(row, 16))});
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

}  // namespace holdfast::billing
