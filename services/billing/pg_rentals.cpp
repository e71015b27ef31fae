// Packages, and what is rented of the single ones, in PostgreSQL.
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

#define HOLDFAST_PACKAGE_COLUMNS \
  "p.package_id, p.name, p.service_type, p.rental_prices, p.rental_seconds"
constexpr std::string_view kSingle = "single";

Package PackageAt(const PgResult& rows, int row, int first = 0) {
  return {.id = PackageId(std::string(rows.Text(row, first))),
          .name = std::string(rows.Text(row, first + 1)),
          .service_type = rows.Text(row, first + 2) == kSingle ? Package::ServiceType::kSingle
                                                               : Package::ServiceType::kPeriodic,
          .rental_prices = MoneysIn(rows.TextArray(row, first + 3)),
          .rental_length = std::chrono::seconds(rows.Int(row, first + 4))};
}

#define HOLDFAST_RENTAL_COLUMNS                                               \
  "r.rental_id, r.account_id, r.item_id, r.package_id, r.currency, r.price, " \
  "coalesce(r.invoice_id, ''), r.begins_at, r.until, r.over"

Rental RentalAt(const PgResult& rows, int row) {
  absl::StatusOr<Money> price = Money::Make(rows.Int(row, 5), rows.Text(row, 4));
  HOLDFAST_CHECK(price.ok());
  Rental rental{.id = RentalId(std::string(rows.Text(row, 0))),
                .account = AccountId(std::string(rows.Text(row, 1))),
                .item = ItemId(std::string(rows.Text(row, 2))),
                .package = PackageId(std::string(rows.Text(row, 3))),
                .price = *std::move(price),
                .from = rows.Time(row, 7),
                .until = rows.Time(row, 8),
                .over = rows.Bool(row, 9)};
  if (!rows.Text(row, 6).empty()) rental.invoice = InvoiceId(std::string(rows.Text(row, 6)));
  return rental;
}

}  // namespace

// -- Packages -------------------------------------------------------------------------------------

constexpr std::string_view kPutPackage = R"sql(
  INSERT INTO package (package_id, name, service_type, rental_prices, rental_seconds)
  VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (package_id) DO UPDATE
     SET name = $2, service_type = $3, rental_prices = $4, rental_seconds = $5
)sql";
constexpr std::string_view kFindPlanOf =
    "SELECT tariff_plan_id FROM tariff_plan_package WHERE package_id = $1 LIMIT 1";

// The package's row is locked by now, and by whoever puts it into a plan (RefuseSingle): one of the
// two sees what the other did.
absl::Status PgBillingTransaction::PutPackage(const Package& package) {
  const bool single = package.service_type == Package::ServiceType::kSingle;
  HOLDFAST_RETURN_IF_ERROR(
      tx_.Query(kPutPackage, package.id.value(), package.name, single ? kSingle : "periodic",
                MoneyTexts(package.rental_prices), package.rental_length.count())
          .status());
  if (!single) return absl::OkStatus();
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult plan, tx_.Query(kFindPlanOf, package.id.value()));
  if (plan.rows() == 0) return absl::OkStatus();
  return FailedPrecondition("package_in_plan: package {} is part of tariff plan {}",
                            package.id.value(), plan.Text(0, 0));
}

constexpr std::string_view kShareHeld = R"sql(
  SELECT package_id, service_type FROM package
   WHERE package_id IN (SELECT package_id FROM tariff_plan_package WHERE tariff_plan_id = $1)
   ORDER BY package_id FOR SHARE
)sql";

absl::Status PgBillingTransaction::RefuseSingle(const TariffPlan& plan) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult held, tx_.Query(kShareHeld, plan.id.value()));
  for (int row = 0; row < held.rows(); ++row) {
    if (held.Text(row, 1) != kSingle) continue;
    return FailedPrecondition("package_is_single: package {} is rented singly and in no plan",
                              held.Text(row, 0));
  }
  return absl::OkStatus();
}

absl::StatusOr<Package> PgBillingTransaction::FindPackage(const PackageId& id) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows,
                            tx_.Query("SELECT " HOLDFAST_PACKAGE_COLUMNS
                                      " FROM package p WHERE p.package_id = $1 FOR SHARE",
                                      id.value()));
  if (rows.rows() == 0) return NotFound("package {} unknown", id.value());
  return PackageAt(rows, 0);
}

absl::StatusOr<std::vector<Package>> PgStore::ListPackages(Deadline deadline,
                                                           const CatalogueFilter& filter) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows,
                            PgList("SELECT " HOLDFAST_PACKAGE_COLUMNS " FROM package p")
                                .WhereSet("p.package_id > $", filter.after)
                                .Run(pool_, deadline, "p.package_id", filter.limit));
  std::vector<Package> packages;
  for (int row = 0; row < rows.rows(); ++row) packages.push_back(PackageAt(rows, row));
  return packages;
}

// One statement, so one moment: a row for each package, or one of NULLs.
constexpr std::string_view kPackagesUnless =
    "SELECT c.revision, " HOLDFAST_PACKAGE_COLUMNS
    " FROM package_counter c LEFT JOIN package p ON c.revision <> $1 ORDER BY p.package_id";

absl::StatusOr<Store::PackageModel> PgStore::PackagesUnless(Deadline deadline,
                                                            std::uint64_t known_revision) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows,
                            pool_.Query(deadline, kPackagesUnless, known_revision));
  PackageModel model{.revision = static_cast<std::uint64_t>(rows.Int(0, 0))};
  for (int row = 0; row < rows.rows(); ++row) {
    if (!rows.IsNull(row, 1)) model.packages.push_back(PackageAt(rows, row, 1));
  }
  return model;
}

// -- Rentals --------------------------------------------------------------------------------------

// $1 account. In its currency.
constexpr std::string_view kOwed = R"sql(
  SELECT coalesce(sum(i.net + i.tax - i.credited - i.settled + i.returned)::bigint, 0),
         min(i.due_on) - DATE '1970-01-01'
    FROM invoice i
   WHERE i.account_id = $1 AND i.net + i.tax - i.credited - i.settled + i.returned > 0
)sql";

absl::StatusOr<Facts> PgBillingTransaction::FindFacts(const Account& account) {
  Facts facts{.account = account};
  HOLDFAST_ASSIGN_OR_RETURN(facts.holdings, LiveHoldings(account.id));
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult owed, tx_.Query(kOwed, account.id.value()));
  facts.owed = owed.Int(0, 0);
  facts.due_on = DayAt(owed, 0, 1);
  return facts;
}

constexpr std::string_view kLastRental =
    "SELECT " HOLDFAST_RENTAL_COLUMNS
    " FROM rental r WHERE r.account_id = $1 AND r.item_id = $2 ORDER BY r.until DESC LIMIT 1";

absl::StatusOr<std::optional<Rental>> PgBillingTransaction::LastRental(const AccountId& account,
                                                                       const ItemId& item) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows,
                            tx_.Query(kLastRental, account.value(), item.value()));
  if (rows.rows() == 0) return std::nullopt;
  return RentalAt(rows, 0);
}

// $1 account, $2 item, $3 when the next one begins.
constexpr std::string_view kMakeRoom = R"sql(
  UPDATE rental SET over = true
   WHERE account_id = $1 AND item_id = $2 AND NOT over AND until <= $3
)sql";
constexpr std::string_view kAddRental = R"sql(
  INSERT INTO rental (rental_id, account_id, item_id, package_id, currency, price, invoice_id,
                      begins_at, until)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
)sql";

absl::Status PgBillingTransaction::AddRental(const Rental& r) {
  changed_.insert(r.account);
  Tell(RentalBegan(r));
  HOLDFAST_RETURN_IF_ERROR(
      tx_.Query(kMakeRoom, r.account.value(), r.item.value(), r.from).status());
  return tx_
      .Query(kAddRental, r.id.value(), r.account.value(), r.item.value(), r.package.value(),
             r.price.currency(), r.price.minor_units(),
             r.invoice ? PgParam(r.invoice->value()) : PgParam(std::nullopt), r.from, r.until)
      .status();
}

// $1 now, $2 limit.
constexpr std::string_view kEndRentals = R"sql(
  WITH ended AS (
    SELECT r.rental_id FROM rental r JOIN account a USING (account_id)
     WHERE NOT r.over AND r.until <= $1 ORDER BY r.until LIMIT $2 FOR UPDATE OF a SKIP LOCKED
  )
  UPDATE rental SET over = true FROM ended WHERE rental.rental_id = ended.rental_id
  RETURNING rental.account_id
)sql";

absl::StatusOr<int> PgBillingTransaction::EndRentals(WallTime now, int limit) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, tx_.Query(kEndRentals, now, limit));
  for (int row = 0; row < rows.rows(); ++row) changed_.emplace(std::string(rows.Text(row, 0)));
  return rows.rows();
}

absl::StatusOr<std::vector<Rental>> PgStore::ListRentals(Deadline deadline,
                                                         const RentalFilter& filter) {
  PgList list("SELECT " HOLDFAST_RENTAL_COLUMNS " FROM rental r");
  if (filter.only_running) list.Where("NOT r.over");
  HOLDFAST_ASSIGN_OR_RETURN(
      const PgResult rows,
      list.WhereSet("r.account_id = $", filter.account)
          .WhereSet("r.item_id = $", filter.item)
          .WhereSet("r.package_id = $", filter.package)
          .Behind("r.begins_at, r.rental_id", filter.before)
          .Run(pool_, deadline, "r.begins_at DESC, r.rental_id DESC", filter.limit));
  std::vector<Rental> rentals;
  for (int row = 0; row < rows.rows(); ++row) rentals.push_back(RentalAt(rows, row));
  return rentals;
}

}  // namespace holdfast::billing
