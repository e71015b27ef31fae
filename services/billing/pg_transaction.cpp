#include "services/billing/pg_transaction.h"

#include <utility>

#include "libs/base/status.h"
#include "libs/telemetry/log.h"
#include "services/billing/pg_rows.h"

namespace holdfast::billing {
namespace {

using storage::PgResult;

std::vector<std::string> PackageValues(const std::vector<PackageId>& ids) {
  std::vector<std::string> values;
  for (const PackageId& id : ids) values.push_back(id.value());
  return values;
}

std::vector<Account> AllAccounts(const PgResult& rows) {
  std::vector<Account> accounts;
  for (int row = 0; row < rows.rows(); ++row) accounts.push_back(AccountAt(rows, row));
  return accounts;
}

std::vector<std::string> PlanValues(const std::vector<TariffPlanId>& ids) {
  std::vector<std::string> values;
  for (const TariffPlanId& id : ids) values.push_back(id.value());
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
                       created_at, charging, currency, region, payment_days, reseller_id,
                       reseller_pays)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
  ON CONFLICT DO NOTHING
)sql";

absl::Status PgBillingTransaction::AddAccount(const Account& account,
                                              const std::string& password_hash) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const PgResult added,
      tx_.Query(kAddAccount, account.id.value(), LoginParam(account.login), password_hash,
                account.number, account.full_name, account.phone, NameOf(account.state),
                account.created_at, NameOf(account.charging), account.currency, account.region,
                account.payment_days.count(), account.reseller.value(), account.reseller_pays));
  if (added.affected() == 0) {
    return AlreadyExists("account_exists: account {} or its login exists already",
                         account.id.value());
  }
  changed_.insert(account.id);
  return absl::OkStatus();
}

constexpr std::string_view kSaveAccount = R"sql(
  UPDATE account
     SET account_number = $2, full_name = $3, phone = $4, state = $5, reseller_pays = $6,
         charging = $7, currency = $8, region = $9, payment_days = $10, reseller_id = $11
   WHERE account_id = $1
)sql";

absl::Status PgBillingTransaction::SaveAccount(const Account& account) {
  changed_.insert(account.id);
  return tx_
      .Query(kSaveAccount, account.id.value(), account.number, account.full_name, account.phone,
             NameOf(account.state), account.reseller_pays, NameOf(account.charging),
             account.currency, account.region, account.payment_days.count(),
             account.reseller.value())
      .status();
}

absl::Status PgBillingTransaction::ParkAccount(const AccountId& id, const std::string& why) {
  telemetry::Log(telemetry::Error, "account is parked", {{"account", id.value()}, {"why", why}});
  return tx_
      .Query(
          "UPDATE account SET parked_since = now(), parked_why = $2"
          " WHERE account_id = $1 AND parked_since IS NULL",
          id.value(), why)
      .status();
}

absl::Status PgBillingTransaction::UnparkAccount(const AccountId& id) {
  return tx_
      .Query("UPDATE account SET parked_since = NULL, parked_why = '' WHERE account_id = $1",
             id.value())
      .status();
}

constexpr std::string_view kSetPassword =
    "UPDATE account SET login = $2, password_hash = $3 WHERE account_id = $1";

absl::Status PgBillingTransaction::SetPassword(const Account& account,
                                               const std::string& password_hash) {
  absl::Status status =
      tx_.Query(kSetPassword, account.id.value(), LoginParam(account.login), password_hash)
          .status();
  if (absl::IsAlreadyExists(status))
    return AlreadyExists("login_taken: login is taken by another account");
  return status;
}

// -- What is sold ---------------------------------------------------------------------------------

constexpr std::string_view kPutPlan = R"sql(
  INSERT INTO tariff_plan (tariff_plan_id, name, price_minor_units, price_currency, period_days,
                           max_streams, max_devices, grace_days, version, period_unit, alignment,
                           trial_days, prices, setup_fees, add_on, allowed_bases)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
  ON CONFLICT (tariff_plan_id) DO UPDATE
     SET name = $2, price_minor_units = $3, price_currency = $4, period_days = $5,
         max_streams = $6, max_devices = $7, grace_days = $8, version = $9, period_unit = $10,
         alignment = $11, trial_days = $12, prices = $13, setup_fees = $14, add_on = $15,
         allowed_bases = $16
)sql";
constexpr std::string_view kKeepTerms = R"sql(
  INSERT INTO tariff_plan_version
    SELECT tariff_plan_id, version, price_minor_units, price_currency, period_days, period_unit,
           alignment, trial_days, grace_days, prices, setup_fees
      FROM tariff_plan WHERE tariff_plan_id = $1
  ON CONFLICT DO NOTHING
)sql";
constexpr std::string_view kClearPlan = "DELETE FROM tariff_plan_package WHERE tariff_plan_id = $1";
constexpr std::string_view kFillPlan = R"sql(
  INSERT INTO tariff_plan_package (tariff_plan_id, package_id) SELECT $1, unnest($2::text[])
)sql";
constexpr std::string_view kServedBy = R"sql(
  SELECT DISTINCT account_id FROM subscription
   WHERE tariff_plan_id = $1 AND state IN ('active', 'grace', 'trialing')
)sql";

absl::Status PgBillingTransaction::PutTariffPlan(const TariffPlan& plan) {
  const std::string& id = plan.id.value();
  HOLDFAST_RETURN_IF_ERROR(
      tx_.Query(kPutPlan, id, plan.name, plan.price.minor_units(), plan.price.currency(),
                plan.period.count, plan.max_streams, plan.max_devices, plan.grace.count(),
                plan.version, NameOf(plan.period.unit), NameOf(plan.alignment), plan.trial.count(),
                PriceTexts(plan.prices), MoneyTexts(plan.setup_fees), plan.add_on,
                PlanValues(plan.allowed_bases))
          .status());
  HOLDFAST_RETURN_IF_ERROR(tx_.Query(kKeepTerms, id).status());
  HOLDFAST_RETURN_IF_ERROR(tx_.Query(kClearPlan, id).status());
  absl::Status filled = tx_.Query(kFillPlan, id, PackageValues(plan.packages)).status();
  if (absl::IsFailedPrecondition(filled)) {
    return FailedPrecondition("package_unknown: tariff plan {} names a package that is unknown",
                              id);
  }
  HOLDFAST_RETURN_IF_ERROR(filled);
  HOLDFAST_RETURN_IF_ERROR(RefuseSingle(plan));
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult served, tx_.Query(kServedBy, id));
  for (int row = 0; row < served.rows(); ++row) {
    changed_.emplace(std::string(served.Text(row, 0)));
  }
  return absl::OkStatus();
}

constexpr std::string_view kSharePlan =
    "SELECT " HOLDFAST_PLAN_COLUMNS " FROM " HOLDFAST_PLANS_OF_TODAY
    " WHERE p.tariff_plan_id = $1 FOR SHARE OF p";

absl::StatusOr<TariffPlan> PgBillingTransaction::FindTariffPlan(const TariffPlanId& id) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, tx_.Query(kSharePlan, id.value()));
  if (rows.rows() == 0) return NotFound("tariff plan {} unknown", id.value());
  return PlanAt(rows, 0);
}

absl::StatusOr<TariffPlan> PgBillingTransaction::FindTariffPlanNow(const TariffPlanId& id) {
  static const std::string kFind = std::string(kSharePlan) + " SKIP LOCKED";
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, tx_.Query(kFind, id.value()));
  if (rows.rows() == 0) return Aborted("tariff plan {} is being changed: try again", id.value());
  return PlanAt(rows, 0);
}

// -- Subscriptions --------------------------------------------------------------------------------

#define HOLDFAST_SELECT_HOLDINGS                                     \
  "SELECT " HOLDFAST_SUBSCRIPTION_COLUMNS ", " HOLDFAST_PLAN_COLUMNS \
  "  FROM subscription s " HOLDFAST_JOIN_SOLD_PLAN

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
    "WHERE s.account_id = $1 AND s.state NOT IN ('cancelled', 'expired')"
    " ORDER BY s.base_subscription_id IS NOT NULL, s.started_at, s.subscription_id";

absl::StatusOr<std::vector<Holding>> PgBillingTransaction::LiveHoldings(const AccountId& id) {
  HOLDFAST_RETURN_IF_ERROR(FindAccount(id).status());
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, tx_.Query(kLiveHoldings, id.value()));
  return AllHoldings(rows);
}

// $1 today, $2 how many. What cannot change on this day is left out: a grace that still runs, a
// suspension that nobody cancelled. Else the same ones would come up again and again.
#define HOLDFAST_TODAY "DATE '1970-01-01' + $1::int"
#define HOLDFAST_IS_DUE                                                                       \
  "((s.state NOT IN ('cancelled', 'expired') AND s.cancel_on <= " HOLDFAST_TODAY              \
  ")"                                                                                         \
  " OR (s.state IN ('active', 'grace', 'suspended', 'pending_activation', 'trialing')"        \
  " AND s.valid_until <= " HOLDFAST_TODAY                                                     \
  " AND (s.state IN ('active', 'trialing', 'pending_activation') OR s.cancel_at_end"          \
  " OR (s.state = 'grace' AND s.valid_until + coalesce(v.grace_days, p.grace_days)"           \
  " <= " HOLDFAST_TODAY                                                                       \
  ")"                                                                                         \
  " OR (s.state = 'suspended' AND s.suspended_by LIKE 'debt-%' AND s.charging <> 'elsewhere'" \
  " AND s.valid_until + coalesce(v.grace_days, p.grace_days) + 60 <= " HOLDFAST_TODAY "))))"

constexpr std::string_view kDueAccounts =
    "SELECT " HOLDFAST_ACCOUNT_COLUMNS
    " FROM account a WHERE a.parked_since IS NULL AND EXISTS (SELECT 1 FROM subscription "
    "s" HOLDFAST_JOIN_SOLD_PLAN " WHERE s.account_id = a.account_id AND " HOLDFAST_IS_DUE
    ") ORDER BY a.account_id LIMIT $2 FOR UPDATE OF a SKIP LOCKED";

absl::StatusOr<std::vector<Account>> PgBillingTransaction::DueAccounts(sys_days today,
                                                                       int max_accounts) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows,
                            tx_.Query(kDueAccounts, DayParam(today), max_accounts));
  return AllAccounts(rows);
}

#define HOLDFAST_NOT_PARKED                                                    \
  " AND NOT EXISTS (SELECT 1 FROM account k WHERE k.account_id = s.account_id" \
  " AND k.parked_since IS NOT NULL)"

// $1 today, $2 how many subscriptions are looked at. Says of rows what TermDue and ChangeIsDue say
// of holdings.
constexpr std::string_view kChargeableAccounts =
    "SELECT " HOLDFAST_ACCOUNT_COLUMNS
    " FROM account a WHERE a.account_id IN ((SELECT s.account_id FROM subscription s"
    " WHERE s.charging <> 'elsewhere' AND s.state IN ('active', 'trialing', 'grace')"
    " AND s.valid_until <= " HOLDFAST_TODAY
    " AND NOT s.cancel_at_end AND (s.cancel_on IS NULL OR s.cancel_on > s.valid_until)"
    " AND (s.retry_on IS NULL OR s.retry_on <= " HOLDFAST_TODAY ")" HOLDFAST_NOT_PARKED
    " ORDER BY s.valid_until LIMIT $2) UNION (SELECT s.account_id FROM subscription s"
    " WHERE s.change_on <= " HOLDFAST_TODAY
    " AND s.state IN ('active', 'trialing', 'grace')"
    " AND NOT (s.cancel_at_end AND s.valid_until IS NOT NULL AND s.valid_until <= " HOLDFAST_TODAY
    ")"
    " AND (s.cancel_on IS NULL OR s.cancel_on > " HOLDFAST_TODAY
    ")"
    " AND (s.retry_on IS NULL OR s.retry_on <= " HOLDFAST_TODAY ")" HOLDFAST_NOT_PARKED
    " LIMIT $2)) ORDER BY a.account_id FOR UPDATE OF a SKIP LOCKED";

absl::StatusOr<std::vector<Account>> PgBillingTransaction::ChargeableAccounts(sys_days today,
                                                                              int max_accounts) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows,
                            tx_.Query(kChargeableAccounts, DayParam(today), max_accounts));
  return AllAccounts(rows);
}

// An unpaid invoice with something left to take away (DecideByDebt), or with money in the wallet.
constexpr std::string_view kIndebtedAccounts =
    "SELECT " HOLDFAST_ACCOUNT_COLUMNS
    " FROM account a WHERE a.account_id IN ((SELECT i.account_id FROM invoice i"
    " JOIN subscription s ON s.account_id = i.account_id" HOLDFAST_JOIN_SOLD_PLAN
    " WHERE i.net + i.tax - i.credited - i.settled + i.returned > 0"
    " AND i.due_on < " HOLDFAST_TODAY
    " AND s.charging = 'postpaid' AND (s.state = 'active' OR (s.state = 'grace'"
    " AND i.due_on + coalesce(v.grace_days, p.grace_days) <= " HOLDFAST_TODAY
    "))" HOLDFAST_NOT_PARKED
    " LIMIT $2) UNION (SELECT i.account_id FROM invoice i"
    " JOIN ledger_account l ON l.ledger_account_id = 'wallet/' || i.account_id || '/' || i.currency"
    " WHERE i.net + i.tax - i.credited - i.settled + i.returned > 0"
    " AND i.due_on <= " HOLDFAST_TODAY
    " AND l.credits_posted - l.debits_posted - l.debits_pending > 0 LIMIT $2))"
    " ORDER BY a.account_id FOR UPDATE OF a SKIP LOCKED";

absl::StatusOr<std::vector<Account>> PgBillingTransaction::IndebtedAccounts(sys_days today,
                                                                            int max_accounts) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows,
                            tx_.Query(kIndebtedAccounts, DayParam(today), max_accounts));
  return AllAccounts(rows);
}

constexpr std::string_view kAddSubscription = R"sql(
  INSERT INTO subscription (subscription_id, account_id, tariff_plan_id, state, valid_until,
                            started_at, cancel_at_end, revision, plan_version, charging, currency,
                            anchor, base_subscription_id)
  VALUES ($1, $2, $3, $4, DATE '1970-01-01' + $5::int, $6, $7, $8, $9, $10, $11,
          DATE '1970-01-01' + $12::int, $13)
)sql";

absl::Status PgBillingTransaction::AddSubscription(const Subscription& s) {
  changed_.insert(s.account);
  Tell(SubscriptionChanged(s));
  const storage::PgParam base = s.base ? storage::PgParam(s.base->value()) : std::nullopt;
  return tx_
      .Query(kAddSubscription, s.id.value(), s.account.value(), s.plan.value(), NameOf(s.state),
             DayParam(s.valid_until), s.started_at, s.cancel_at_end, s.revision, s.plan_version,
             NameOf(s.charging), s.currency, DayParam(s.anchor), base)
      .status();
}

constexpr std::string_view kSaveSubscription = R"sql(
  UPDATE subscription
     SET state = $2, valid_until = DATE '1970-01-01' + $3::int, cancel_at_end = $4, revision = $5,
         tariff_plan_id = $6, plan_version = $7, anchor = DATE '1970-01-01' + $8::int,
         paused_on = DATE '1970-01-01' + $9::int, cancel_on = DATE '1970-01-01' + $10::int,
         change_plan_id = $11, change_on = DATE '1970-01-01' + $12::int,
         retry_on = DATE '1970-01-01' + $13::int, suspended_by = $14
   WHERE subscription_id = $1 AND revision = $5 - 1
)sql";

absl::Status PgBillingTransaction::SaveSubscription(const Subscription& s) {
  changed_.insert(s.account);
  Tell(SubscriptionChanged(s));
  // Written down also if nobody listens: service is taken away by an event that can be shown.
  if (s.state == Subscription::State::kSuspended && !s.suspended_by.empty()) {
    events_.push_back(SubscriptionSuspended(s));
  }
  const storage::PgParam change_plan =
      s.change ? storage::PgParam(s.change->plan.value()) : std::nullopt;
  const std::optional<sys_days> change_on = s.change ? s.change->on : std::nullopt;
  // A question in RETURNING still sees the row as it was.
  static const std::string kSaveAndTellBefore =
      std::string(kSaveSubscription) +
      "RETURNING (SELECT b.state FROM subscription b WHERE b.subscription_id = $1)";
  const bool noted = asked_ == Asked::kNo && (s.state == Subscription::State::kSuspended ||
                                              s.state == Subscription::State::kExpired);
  HOLDFAST_ASSIGN_OR_RETURN(
      const PgResult saved,
      tx_.Query(noted ? std::string_view(kSaveAndTellBefore) : kSaveSubscription, s.id.value(),
                NameOf(s.state), DayParam(s.valid_until), s.cancel_at_end,
                static_cast<std::int64_t>(s.revision), s.plan.value(), s.plan_version,
                DayParam(s.anchor), DayParam(s.paused_on), DayParam(s.cancel_on), change_plan,
                DayParam(change_on), DayParam(s.retry_on), s.suspended_by));
  if (saved.affected() == 0) return Aborted("subscription {} was changed meanwhile", s.id.value());
  if (noted && saved.Text(0, 0) != NameOf(s.state)) {
    const bool expired = s.state == Subscription::State::kExpired;
    Note(
        expired ? "ExpireSubscription" : "SuspendSubscription", s.id.value(), s.suspended_by,
        fmt::format(R"({{"account_id":"{}","before":"{}"}})", s.account.value(), saved.Text(0, 0)));
  }
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
  HOLDFAST_RETURN_IF_ERROR(NumberInvoices());
  HOLDFAST_RETURN_IF_ERROR(WriteEvents());
  HOLDFAST_RETURN_IF_ERROR(CountFunding());
  HOLDFAST_RETURN_IF_ERROR(WriteNotes());
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
