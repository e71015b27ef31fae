// Taxes and charged terms in PostgreSQL.
#include "libs/base/status.h"
#include "services/billing/pg_list.h"
#include "services/billing/pg_rows.h"
#include "services/billing/pg_store.h"
#include "services/billing/pg_transaction.h"

namespace holdfast::billing {
namespace {

using storage::PgParam;
using storage::PgResult;

TaxRate RateAt(const PgResult& rows, int row) {
  return {.region = std::string(rows.Text(row, 0)),
          .name = std::string(rows.Text(row, 1)),
          .parts_per_million = static_cast<int>(rows.Int(row, 2)),
          .kind = rows.Bool(row, 3) ? TaxRate::Kind::kInclusive : TaxRate::Kind::kExclusive,
          .valid_from = *DayAt(rows, row, 4)};
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
   WHERE subscription_id = $1 AND period_end = DATE '1970-01-01' + $2::int AND NOT void
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

}  // namespace holdfast::billing
