#include "services/billing/pg_store.h"

#include <utility>

#include "libs/base/status.h"
#include "services/billing/pg_list.h"
#include "services/billing/pg_rows.h"
#include "services/billing/pg_transaction.h"

namespace holdfast::billing {

using storage::PgParam;
using storage::PgResult;
using storage::PgTransaction;

// -- Transactions ---------------------------------------------------------------------------------

absl::Status PgStore::Transact(Deadline deadline,
                               const std::function<absl::Status(Transaction&)>& body) {
  return pool_.Transact(deadline, [&](PgTransaction& tx) -> absl::Status {
    if (clock_ != nullptr) {
      HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, tx.Query("SELECT clock_timestamp()"));
      HOLDFAST_RETURN_IF_ERROR(CheckClocks(clock_->Now(), rows.Time(0, 0)));
    }
    PgBillingTransaction transaction(tx, events_, Asked::kNo);
    HOLDFAST_RETURN_IF_ERROR(body(transaction));
    return transaction.Finish();
  });
}

absl::Status PgStore::TryOut(Deadline deadline,
                             const std::function<absl::Status(Transaction&)>& body) {
  bool done = false;
  const absl::Status status = pool_.Transact(deadline, [&](PgTransaction& tx) -> absl::Status {
    PgBillingTransaction transaction(tx, Events::kNone, Asked::kYes);
    HOLDFAST_RETURN_IF_ERROR(body(transaction));
    done = true;
    return absl::CancelledError("tried out");  // rolls back
  });
  return done && absl::IsCancelled(status) ? absl::OkStatus() : status;
}

// A second one with the same key waits here for the end of the first.
constexpr std::string_view kClaimKey = R"sql(
  INSERT INTO command (idempotency_key, fingerprint) VALUES ($1, $2) ON CONFLICT DO NOTHING
  RETURNING clock_timestamp()
)sql";
// Locks it, so that this commit waits for the standby as the first one did. What is read may be on
// this server alone: a primary that crashed while it waited shows such a commit when it is back.
// Repeating its answer before the standby has it would acknowledge what a failover loses.
constexpr std::string_view kFindCommand =
    "SELECT fingerprint, answer FROM command WHERE idempotency_key = $1 FOR KEY SHARE";
constexpr std::string_view kKeepAnswer =
    "UPDATE command SET answer = $2 WHERE idempotency_key = $1";

constexpr std::string_view kAudit = R"sql(
  INSERT INTO audit_log (caller, person, method, subject, request, idempotency_key)
  VALUES ($1, $2, $3, $4, $5, $6)
)sql";

absl::StatusOr<std::string> PgStore::Once(Deadline deadline, const Command& command,
                                          const Effect& effect) {
  std::string answer;
  std::string stored_fingerprint;
  const std::string fingerprint = Fingerprint(command);
  absl::Status status = pool_.Transact(deadline, [&](PgTransaction& tx) -> absl::Status {
    HOLDFAST_ASSIGN_OR_RETURN(const PgResult claimed,
                              tx.Query(kClaimKey, command.key, fingerprint));
    if (claimed.affected() == 0) {
      HOLDFAST_ASSIGN_OR_RETURN(const PgResult known, tx.Query(kFindCommand, command.key));
      if (known.rows() == 0) return Aborted("key {} was just forgotten", command.key);
      stored_fingerprint = known.Text(0, 0);
      answer = known.Bytes(0, 1);
      return absl::OkStatus();
    }
    if (clock_ != nullptr) {
      HOLDFAST_RETURN_IF_ERROR(CheckClocks(clock_->Now(), claimed.Time(0, 0)));
    }
    PgBillingTransaction transaction(tx, events_, Asked::kYes);
    HOLDFAST_ASSIGN_OR_RETURN(answer, effect(transaction));
    HOLDFAST_RETURN_IF_ERROR(tx.Query(kKeepAnswer, command.key, PgParam::Bytes(answer)).status());
    HOLDFAST_RETURN_IF_ERROR(tx.Query(kAudit, command.caller, command.person, command.method,
                                      command.subject, command.shown, command.key)
                                 .status());
    return transaction.Finish();
  });
  HOLDFAST_RETURN_IF_ERROR(status);
  if (!stored_fingerprint.empty() && !Repeats(command, stored_fingerprint)) {
    return AlreadyExists("key_reused: idempotency key {} was used for another request",
                         command.key);
  }
  return answer;
}

// -- Accounts -------------------------------------------------------------------------------------

constexpr std::string_view kFindAccount =
    "SELECT " HOLDFAST_ACCOUNT_COLUMNS " FROM account a WHERE a.account_id = $1";

absl::StatusOr<Account> PgStore::FindAccount(Deadline deadline, const AccountId& id) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, pool_.Query(deadline, kFindAccount, id.value()));
  if (rows.rows() == 0) return NotFound("account {} unknown", id.value());
  return AccountAt(rows, 0);
}

constexpr std::string_view kListParked = "SELECT " HOLDFAST_ACCOUNT_COLUMNS
                                         " FROM account a WHERE a.parked_since IS NOT NULL ORDER "
                                         "BY a.parked_since, a.account_id LIMIT $1";

absl::StatusOr<std::vector<Account>> PgStore::ListParked(Deadline deadline, int limit) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, pool_.Query(deadline, kListParked, limit));
  std::vector<Account> accounts;
  for (int row = 0; row < rows.rows(); ++row) accounts.push_back(AccountAt(rows, row));
  return accounts;
}

absl::StatusOr<std::int64_t> PgStore::CountParked(Deadline deadline) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const PgResult rows,
      pool_.Query(deadline, "SELECT count(*) FROM account WHERE parked_since IS NOT NULL"));
  return rows.Int(0, 0);
}

constexpr std::string_view kFindCredentials =
    "SELECT account_id, password_hash, state FROM account WHERE login = $1";

absl::StatusOr<Credentials> PgStore::FindCredentials(Deadline deadline, const std::string& login) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, pool_.Query(deadline, kFindCredentials, login));
  if (rows.rows() == 0) return NotFound("no account has this login");
  return Credentials{AccountId(std::string(rows.Text(0, 0))), std::string(rows.Text(0, 1)),
                     rows.Text(0, 2) == "open" ? Account::State::kOpen : Account::State::kClosed};
}

// $1 after, $2 state or NULL, $3 limit.
constexpr std::string_view kListAccounts = R"sql(
  SELECT )sql" HOLDFAST_ACCOUNT_COLUMNS R"sql(
    FROM account a
   WHERE a.account_id > $1 AND ($2::text IS NULL OR a.state = $2)
   ORDER BY a.account_id LIMIT $3
)sql";
// And $4 the words searched for, $5 the same as a pattern.
constexpr std::string_view kSearchAccounts = R"sql(
  SELECT )sql" HOLDFAST_ACCOUNT_COLUMNS R"sql(
    FROM account a
   WHERE a.account_id > $1 AND ($2::text IS NULL OR a.state = $2)
     AND (a.account_id = $4 OR a.login = $4 OR a.account_number = $4 OR a.phone = $4
          OR lower(a.full_name) LIKE lower($5))
   ORDER BY a.account_id LIMIT $3
)sql";

// `text` and whatever follows, as LIKE wants it.
std::string BeginsWith(std::string_view text) {
  std::string pattern;
  for (const char c : text) {
    if (c == '%' || c == '_' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return pattern + "%";
}

absl::StatusOr<std::vector<Account>> PgStore::ListAccounts(Deadline deadline,
                                                           const AccountFilter& filter) {
  const PgParam state = filter.state ? PgParam(NameOf(*filter.state)) : PgParam(std::nullopt);
  HOLDFAST_ASSIGN_OR_RETURN(
      const PgResult rows,
      filter.search.empty()
          ? pool_.Query(deadline, kListAccounts, filter.after.value(), state, filter.limit)
          : pool_.Query(deadline, kSearchAccounts, filter.after.value(), state, filter.limit,
                        filter.search, BeginsWith(filter.search)));
  std::vector<Account> accounts;
  for (int row = 0; row < rows.rows(); ++row) accounts.push_back(AccountAt(rows, row));
  return accounts;
}

// -- What is sold ---------------------------------------------------------------------------------

std::vector<TariffPlan> AllPlans(const PgResult& rows) {
  std::vector<TariffPlan> plans;
  for (int row = 0; row < rows.rows(); ++row) plans.push_back(PlanAt(rows, row));
  return plans;
}

absl::StatusOr<std::vector<TariffPlan>> PgStore::ListTariffPlans(Deadline deadline,
                                                                 const PlanFilter& filter) {
  PgList list("SELECT " HOLDFAST_PLAN_COLUMNS " FROM " HOLDFAST_PLANS_OF_TODAY);
  if (filter.add_on) list.Where("p.add_on = $", *filter.add_on);
  list.WhereSet(
      "EXISTS (SELECT 1 FROM tariff_plan_package h WHERE h.tariff_plan_id = p.tariff_plan_id"
      " AND h.package_id = $)",
      filter.package);
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows,
                            list.WhereSet("p.tariff_plan_id > $", filter.after)
                                .Run(pool_, deadline, "p.tariff_plan_id", filter.limit));
  return AllPlans(rows);
}

absl::StatusOr<std::vector<TariffPlan>> PgStore::ListPlanVersions(Deadline deadline,
                                                                  const PlanVersionFilter& filter) {
  PgList list("SELECT " HOLDFAST_PLAN_COLUMNS
              " FROM tariff_plan p JOIN tariff_plan_version v USING (tariff_plan_id)");
  list.Where("p.tariff_plan_id = $", filter.plan.value());
  if (filter.before > 0) list.Where("v.version < $", filter.before);
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows,
                            list.Run(pool_, deadline, "v.version DESC", filter.limit));
  return AllPlans(rows);
}

// -- Subscriptions and what follows from them -----------------------------------------------------

absl::StatusOr<std::vector<Subscription>> PgStore::ListSubscriptions(
    Deadline deadline, const SubscriptionFilter& filter) {
  PgList list("SELECT " HOLDFAST_SUBSCRIPTION_COLUMNS " FROM subscription s");
  if (filter.state) list.Where("s.state = $", NameOf(*filter.state));
  HOLDFAST_ASSIGN_OR_RETURN(
      const PgResult rows,
      list.WhereSet("s.account_id = $", filter.account)
          .WhereSet("s.tariff_plan_id = $", filter.plan)
          .Behind("s.started_at, s.subscription_id", filter.before)
          .Run(pool_, deadline, "s.started_at DESC, s.subscription_id DESC", filter.limit));
  std::vector<Subscription> subscriptions;
  for (int row = 0; row < rows.rows(); ++row) subscriptions.push_back(SubscriptionAt(rows, row));
  return subscriptions;
}

// One statement, so one moment. An account without live subscriptions is one row of NULLs; how its
// last one ended, an add-on not counting, is looked up only then. What is owed is read from the
// index of open invoices.
#define HOLDFAST_FACTS                                                                     \
  "SELECT " HOLDFAST_ACCOUNT_COLUMNS                                                       \
  ", a.entitlement_revision,"                                                              \
  " ARRAY(SELECT r.item_id || ' ' || extract(epoch FROM r.until)::bigint FROM rental r"    \
  "   WHERE r.account_id = a.account_id AND NOT r.over ORDER BY r.item_id),"               \
  " coalesce(l.credits_posted - l.debits_posted - l.debits_pending, 0),"                   \
  " coalesce(o.owed, 0), o.due_on - DATE '1970-01-01',"                                    \
  " CASE WHEN s.subscription_id IS NULL THEN coalesce((SELECT e.state"                     \
  "   FROM subscription e WHERE e.account_id = a.account_id"                               \
  "    AND e.state IN ('cancelled', 'expired') AND e.base_subscription_id IS NULL"         \
  "  ORDER BY e.started_at DESC LIMIT 1), '') ELSE '' END, " HOLDFAST_SUBSCRIPTION_COLUMNS \
  ", " HOLDFAST_PLAN_COLUMNS                                                               \
  "  FROM account a"                                                                       \
  "  LEFT JOIN ledger_account l"                                                           \
  "    ON l.ledger_account_id = 'wallet/' || a.account_id || '/' || a.currency"            \
  "  LEFT JOIN LATERAL (SELECT"                                                            \
  "       sum(i.net + i.tax - i.credited - i.settled + i.returned)::bigint AS owed,"       \
  "       min(i.due_on) AS due_on FROM invoice i"                                          \
  "     WHERE i.account_id = a.account_id AND i.currency = a.currency"                     \
  "       AND i.net + i.tax - i.credited - i.settled + i.returned > 0) o ON true"          \
  "  LEFT JOIN subscription s ON s.account_id = a.account_id"                              \
  "        AND s.state NOT IN ('cancelled', 'expired')"                                    \
  "  LEFT JOIN tariff_plan p ON p.tariff_plan_id = s.tariff_plan_id"                       \
  "  LEFT JOIN tariff_plan_version v ON v.tariff_plan_id = s.tariff_plan_id"               \
  "        AND v.version = s.plan_version "
// Two texts: of an array the server knows the length only when it has it, so it would rather plan
// the question anew each time, which takes longer than answering it for one account.
constexpr std::string_view kFindFactsOfOne =
    HOLDFAST_FACTS "WHERE a.account_id = $1 ORDER BY s.started_at";
constexpr std::string_view kFindFacts =
    HOLDFAST_FACTS "WHERE a.account_id = ANY($1::text[]) ORDER BY a.account_id, s.started_at";

Facts::Ended EndedAs(std::string_view state) {
  if (state == "expired") return Facts::Ended::kExpired;
  return state == "cancelled" ? Facts::Ended::kCancelled : Facts::Ended::kNone;
}

absl::StatusOr<std::vector<Facts>> PgStore::FindFacts(Deadline deadline,
                                                      const std::vector<AccountId>& ids) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows,
                            ids.size() == 1
                                ? pool_.Query(deadline, kFindFactsOfOne, ids.front().value())
                                : pool_.Query(deadline, kFindFacts, Values(ids)));
  constexpr int kFirst = kAccountColumns + 6;
  std::vector<Facts> all;
  for (int row = 0; row < rows.rows(); ++row) {
    if (all.empty() || all.back().account.id.value() != rows.Text(row, 0)) {
      all.push_back({.account = AccountAt(rows, row),
                     .revision = static_cast<std::uint64_t>(rows.Int(row, kAccountColumns)),
                     .wallet = rows.Int(row, kAccountColumns + 2),
                     .owed = rows.Int(row, kAccountColumns + 3),
                     .due_on = DayAt(rows, row, kAccountColumns + 4),
                     .last_ended = EndedAs(rows.Text(row, kAccountColumns + 5)),
                     .rentals = RunningRentalsIn(rows.TextArray(row, kAccountColumns + 1))});
    }
    if (rows.IsNull(row, kFirst)) continue;
    all.back().holdings.push_back(
        {SubscriptionAt(rows, row, kFirst), PlanAt(rows, row, kFirst + kSubscriptionColumns)});
  }
  return all;
}

absl::StatusOr<std::uint64_t> PgStore::LastRevision(Deadline deadline) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows,
                            pool_.Query(deadline, "SELECT revision FROM entitlement_counter"));
  return static_cast<std::uint64_t>(rows.Int(0, 0));
}

constexpr std::string_view kChangesAfter = R"sql(
  SELECT revision, account_id FROM entitlement_change
   WHERE revision > $1 ORDER BY revision LIMIT $2
)sql";

absl::StatusOr<std::vector<EntitlementChange>> PgStore::ChangesAfter(Deadline deadline,
                                                                     std::uint64_t revision,
                                                                     int limit) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows,
                            pool_.Query(deadline, kChangesAfter, revision, limit));
  std::vector<EntitlementChange> changes;
  for (int row = 0; row < rows.rows(); ++row) {
    changes.push_back(
        {static_cast<std::uint64_t>(rows.Int(row, 0)), AccountId(std::string(rows.Text(row, 1)))});
  }
  return changes;
}

// -- The audit log --------------------------------------------------------------------------------

absl::StatusOr<std::vector<AuditEntry>> PgStore::ListAudit(Deadline deadline,
                                                           const AuditFilter& filter) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const PgResult rows,
      PgList("SELECT position, at, caller, method, subject, request, idempotency_key,"
             " person FROM audit_log")
          .Where("position > $", filter.after)
          .WhereSet("subject = $", filter.subject)
          .WhereSet("caller = $", filter.caller)
          .WhereSet("person = $", filter.person)
          .WhereSet("method = $", filter.method)
          .Run(pool_, deadline, "position", filter.limit));
  std::vector<AuditEntry> entries;
  for (int row = 0; row < rows.rows(); ++row) {
    entries.push_back({.position = static_cast<std::uint64_t>(rows.Int(row, 0)),
                       .at = rows.Time(row, 1),
                       .caller = std::string(rows.Text(row, 2)),
                       .person = std::string(rows.Text(row, 7)),
                       .method = std::string(rows.Text(row, 3)),
                       .subject = std::string(rows.Text(row, 4)),
                       .request = std::string(rows.Text(row, 5)),
                       .key = std::string(rows.Text(row, 6))});
  }
  return entries;
}

// -- Housekeeping ---------------------------------------------------------------------------------

// $1 hours. A bounded piece at a time, so that no lock is held for long.
constexpr std::string_view kForgetCommands = R"sql(
  DELETE FROM command WHERE idempotency_key IN (
    SELECT idempotency_key FROM command
     WHERE created_at < now() - make_interval(hours => $1) LIMIT 10000)
)sql";
constexpr std::string_view kForgetChanges = R"sql(
  DELETE FROM entitlement_change WHERE revision IN (
    SELECT revision FROM entitlement_change
     WHERE created_at < now() - make_interval(hours => $1) LIMIT 10000)
)sql";

constexpr std::string_view kForgetEvents = R"sql(
  DELETE FROM event WHERE event_id IN (
    SELECT event_id FROM event
     WHERE created_at < now() - make_interval(hours => $1)
       AND (delivered_at IS NOT NULL OR given_up_at IS NOT NULL)
       AND NOT EXISTS (SELECT 1 FROM subscription s
                        WHERE s.suspended_by = event.event_id AND s.suspended_by <> '')
     LIMIT 10000)
)sql";
// A webhook that old is refused for its age.
constexpr std::string_view kForgetTaken = R"sql(
  DELETE FROM gateway_event WHERE (gateway, event_id) IN (
    SELECT gateway, event_id FROM gateway_event
     WHERE taken_at < now() - make_interval(hours => $1) LIMIT 10000)
)sql";

absl::StatusOr<std::int64_t> PgStore::Forget(Deadline deadline, std::chrono::hours age) {
  const auto hours = static_cast<std::int64_t>(age.count());
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult commands, pool_.Query(deadline, kForgetCommands, hours));
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult changes, pool_.Query(deadline, kForgetChanges, hours));
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult events, pool_.Query(deadline, kForgetEvents, hours));
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult taken, pool_.Query(deadline, kForgetTaken, hours));
  return commands.affected() + changes.affected() + events.affected() + taken.affected();
}

absl::StatusOr<WallTime> PgStore::Now(Deadline deadline) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, pool_.Query(deadline, "SELECT now()"));
  return rows.Time(0, 0);
}

}  // namespace holdfast::billing
