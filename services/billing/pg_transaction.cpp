#include "services/billing/pg_transaction.h"

#include <utility>

#include "libs/base/status.h"
#include "services/billing/pg_rows.h"

namespace holdfast::billing {
namespace {

using storage::PgResult;

std::vector<std::string> PackageValues(const std::vector<PackageId>& ids) {
  std::vector<std::string> values;
  for (const PackageId& id : ids) values.push_back(id.value());
  return values;
}

}  // namespace

// -- Accounts -------------------------------------------------------------------------------------

constexpr std::string_view kLockAccount =
    "SELECT " HOLDFAST_ACCOUNT_COLUMNS " FROM account a WHERE a.account_id = $1 FOR UPDATE";

absl::StatusOr<Account> PgBillingTransaction::FindAccount(const AccountId& id) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, tx_.Query(kLockAccount, id.value()));
  if (rows.rows() == 0) return NotFound("account {} unknown", id.value());
  return AccountAt(rows, 0);
}

constexpr std::string_view kAddAccount = R"sql(
  INSERT INTO account (account_id, login, password_hash, account_number, full_name, phone, state,
                       created_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
  ON CONFLICT DO NOTHING
)sql";

absl::Status PgBillingTransaction::AddAccount(const Account& account,
                                              const std::string& password_hash) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult added,
                            tx_.Query(kAddAccount, account.id.value(), LoginParam(account.login),
                                      password_hash, account.number, account.full_name,
                                      account.phone, NameOf(account.state), account.created_at));
  if (added.affected() == 0) {
    return AlreadyExists("account {} or its login exists already", account.id.value());
  }
  changed_.insert(account.id);
  return absl::OkStatus();
}

constexpr std::string_view kSaveAccount = R"sql(
  UPDATE account
     SET account_number = $2, full_name = $3, phone = $4, state = $5
   WHERE account_id = $1
)sql";

absl::Status PgBillingTransaction::SaveAccount(const Account& account) {
  changed_.insert(account.id);
  return tx_
      .Query(kSaveAccount, account.id.value(), account.number, account.full_name, account.phone,
             NameOf(account.state))
      .status();
}

constexpr std::string_view kSetPassword =
    "UPDATE account SET login = $2, password_hash = $3 WHERE account_id = $1";

absl::Status PgBillingTransaction::SetPassword(const Account& account,
                                               const std::string& password_hash) {
  absl::Status status =
      tx_.Query(kSetPassword, account.id.value(), LoginParam(account.login), password_hash)
          .status();
  if (absl::IsAlreadyExists(status)) return AlreadyExists("login is taken by another account");
  return status;
}

// -- What is sold ---------------------------------------------------------------------------------

constexpr std::string_view kPutPackage = R"sql(
  INSERT INTO package (package_id, name) VALUES ($1, $2)
  ON CONFLICT (package_id) DO UPDATE SET name = $2
)sql";

absl::Status PgBillingTransaction::PutPackage(const Package& package) {
  return tx_.Query(kPutPackage, package.id.value(), package.name).status();
}

constexpr std::string_view kPutPlan = R"sql(
  INSERT INTO tariff_plan (tariff_plan_id, name, price_minor_units, price_currency, period_days,
                           max_streams, max_devices, grace_days)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
  ON CONFLICT (tariff_plan_id) DO UPDATE
     SET name = $2, price_minor_units = $3, price_currency = $4, period_days = $5,
         max_streams = $6, max_devices = $7, grace_days = $8
)sql";
constexpr std::string_view kClearPlan = "DELETE FROM tariff_plan_package WHERE tariff_plan_id = $1";
constexpr std::string_view kFillPlan = R"sql(
  INSERT INTO tariff_plan_package (tariff_plan_id, package_id) SELECT $1, unnest($2::text[])
)sql";
constexpr std::string_view kServedBy = R"sql(
  SELECT DISTINCT account_id FROM subscription
   WHERE tariff_plan_id = $1 AND state IN ('active', 'grace')
)sql";

absl::Status PgBillingTransaction::PutTariffPlan(const TariffPlan& plan) {
  const std::string& id = plan.id.value();
  HOLDFAST_RETURN_IF_ERROR(tx_.Query(kPutPlan, id, plan.name, plan.price.minor_units(),
                                     plan.price.currency(), plan.period.count(), plan.max_streams,
                                     plan.max_devices, plan.grace.count())
                               .status());
  HOLDFAST_RETURN_IF_ERROR(tx_.Query(kClearPlan, id).status());
  absl::Status filled = tx_.Query(kFillPlan, id, PackageValues(plan.packages)).status();
  if (absl::IsFailedPrecondition(filled)) {
    return FailedPrecondition("tariff plan {} names a package that is unknown", id);
  }
  HOLDFAST_RETURN_IF_ERROR(filled);
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult served, tx_.Query(kServedBy, id));
  for (int row = 0; row < served.rows(); ++row) {
    changed_.emplace(std::string(served.Text(row, 0)));
  }
  return absl::OkStatus();
}

constexpr std::string_view kSharePlan =
    "SELECT " HOLDFAST_PLAN_COLUMNS " FROM tariff_plan p WHERE p.tariff_plan_id = $1 FOR SHARE";

absl::StatusOr<TariffPlan> PgBillingTransaction::FindTariffPlan(const TariffPlanId& id) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, tx_.Query(kSharePlan, id.value()));
  if (rows.rows() == 0) return NotFound("tariff plan {} unknown", id.value());
  return PlanAt(rows, 0);
}

// -- Subscriptions --------------------------------------------------------------------------------

#define HOLDFAST_SELECT_HOLDINGS                                     \
  "SELECT " HOLDFAST_SUBSCRIPTION_COLUMNS ", " HOLDFAST_PLAN_COLUMNS \
  "  FROM subscription s JOIN tariff_plan p ON p.tariff_plan_id = s.tariff_plan_id "

constexpr std::string_view kAccountOf =
    "SELECT account_id FROM subscription WHERE subscription_id = $1";
constexpr std::string_view kFindHolding = HOLDFAST_SELECT_HOLDINGS "WHERE s.subscription_id = $1";

absl::StatusOr<Holding> PgBillingTransaction::FindHolding(const SubscriptionId& id) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult owner, tx_.Query(kAccountOf, id.value()));
  if (owner.rows() == 0) return NotFound("subscription {} unknown", id.value());
  const AccountId account{std::string(owner.Text(0, 0))};
  HOLDFAST_RETURN_IF_ERROR(FindAccount(account).status());  // locks it; then read what is true now
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, tx_.Query(kFindHolding, id.value()));
  return AllHoldings(rows).front();
}

constexpr std::string_view kLiveHoldings = HOLDFAST_SELECT_HOLDINGS
    "WHERE s.account_id = $1 AND s.state IN ('active', 'grace', 'suspended') ORDER BY s.started_at";

absl::StatusOr<std::vector<Holding>> PgBillingTransaction::LiveHoldings(const AccountId& id) {
  HOLDFAST_RETURN_IF_ERROR(FindAccount(id).status());
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, tx_.Query(kLiveHoldings, id.value()));
  return AllHoldings(rows);
}

// $1 today, $2 how many. What cannot change on this day is left out: a grace that still runs, a
// suspension that nobody cancelled. Else the same ones would come up again and again.
#define HOLDFAST_IS_DUE                                                                           \
  "(s.state IN ('active', 'grace', 'suspended') AND s.valid_until <= DATE '1970-01-01' + $1::int" \
  " AND (s.state = 'active' OR s.cancel_at_end OR (s.state = 'grace'"                             \
  " AND s.valid_until + p.grace_days <= DATE '1970-01-01' + $1::int)))"

constexpr std::string_view kLockDueAccounts =
    "SELECT a.account_id FROM account a WHERE EXISTS (SELECT 1 FROM subscription s"
    " JOIN tariff_plan p ON p.tariff_plan_id = s.tariff_plan_id"
    " WHERE s.account_id = a.account_id AND " HOLDFAST_IS_DUE
    ") ORDER BY a.account_id LIMIT $2 FOR UPDATE OF a SKIP LOCKED";
constexpr std::string_view kDueHoldings =
    HOLDFAST_SELECT_HOLDINGS "WHERE s.account_id = ANY($2::text[]) AND " HOLDFAST_IS_DUE;

absl::StatusOr<std::vector<Holding>> PgBillingTransaction::DueHoldings(sys_days today,
                                                                       int max_accounts) {
  const storage::PgParam day = DayParam(today);
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult locked, tx_.Query(kLockDueAccounts, day, max_accounts));
  std::vector<std::string> accounts;
  for (int row = 0; row < locked.rows(); ++row) accounts.emplace_back(locked.Text(row, 0));
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, tx_.Query(kDueHoldings, day, accounts));
  return AllHoldings(rows);
}

constexpr std::string_view kAddSubscription = R"sql(
  INSERT INTO subscription (subscription_id, account_id, tariff_plan_id, state, valid_until,
                            started_at, cancel_at_end, revision)
  VALUES ($1, $2, $3, $4, DATE '1970-01-01' + $5::int, $6, $7, $8)
)sql";

absl::Status PgBillingTransaction::AddSubscription(const Subscription& s) {
  changed_.insert(s.account);
  return tx_
      .Query(kAddSubscription, s.id.value(), s.account.value(), s.plan.value(), NameOf(s.state),
             DayParam(s.valid_until), s.started_at, s.cancel_at_end, s.revision)
      .status();
}

constexpr std::string_view kSaveSubscription = R"sql(
  UPDATE subscription
     SET state = $2, valid_until = DATE '1970-01-01' + $3::int, cancel_at_end = $4, revision = $5
   WHERE subscription_id = $1 AND revision = $5 - 1
)sql";

absl::Status PgBillingTransaction::SaveSubscription(const Subscription& s) {
  changed_.insert(s.account);
  HOLDFAST_ASSIGN_OR_RETURN(
      const PgResult saved,
      tx_.Query(kSaveSubscription, s.id.value(), NameOf(s.state), DayParam(s.valid_until),
                s.cancel_at_end, static_cast<std::int64_t>(s.revision)));
  if (saved.affected() == 0) return Aborted("subscription {} was changed meanwhile", s.id.value());
  return absl::OkStatus();
}

// -- The outbox -----------------------------------------------------------------------------------

constexpr std::string_view kLockChanged = R"sql(
  SELECT 1 FROM account WHERE account_id = ANY($1::text[]) ORDER BY account_id FOR UPDATE
)sql";
// $1 accounts. The counter's row stays locked until the commit.
constexpr std::string_view kWriteOutbox = R"sql(
  WITH given AS (
    UPDATE entitlement_counter SET revision = revision + cardinality($1::text[])
    RETURNING revision - cardinality($1::text[]) AS base
  ), numbered AS (
    INSERT INTO entitlement_change (revision, account_id)
    SELECT given.base + x.position, x.account_id
      FROM given, unnest($1::text[]) WITH ORDINALITY AS x (account_id, position)
    RETURNING revision, account_id
  )
  UPDATE account SET entitlement_revision = numbered.revision
    FROM numbered
   WHERE account.account_id = numbered.account_id
)sql";

absl::Status PgBillingTransaction::Finish() {
  HOLDFAST_RETURN_IF_ERROR(LockChanged());
  HOLDFAST_RETURN_IF_ERROR(WriteBooks());
  return WriteOutbox();
}

absl::Status PgBillingTransaction::LockChanged() {
  if (changed_.empty()) return absl::OkStatus();
  return tx_.Query(kLockChanged, Values({changed_.begin(), changed_.end()})).status();
}

absl::Status PgBillingTransaction::WriteOutbox() {
  if (changed_.empty()) return absl::OkStatus();
  return tx_.Query(kWriteOutbox, Values({changed_.begin(), changed_.end()})).status();
}

}  // namespace holdfast::billing
