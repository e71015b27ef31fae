// What tests/bench/billing measures of billing itself, on the database it is given:
//
//   billing_bench --hosts 127.0.0.1:1 --database d --user u prepare 10000   accounts, all due today
//   billing_bench ... prepare 10000 --unpaid 20   the same, and 20 % of them cannot pay
//   billing_bench ... renewals                    charges all that are due; how many in what time
//   billing_bench ... snapshots 5                 for so many seconds, one caller
//   billing_bench ... verify
//
// Prints "count seconds".
#include <cstdio>
#include <cstdlib>
#include <string>

#include "fmt/format.h"
#include "libs/base/random.h"
#include "libs/base/status.h"
#include "libs/security/key_set.h"
#include "libs/storage/pg_migrate.h"
#include "libs/telemetry/log.h"
#include "services/billing/jobs.h"
#include "services/billing/pg_store.h"
#include "services/billing/snapshot.h"

namespace holdfast::billing {
namespace {

using namespace std::chrono_literals;

constexpr int kMostInterruptions = 20;  // of a night
constexpr int kYesterday = 2000;        // subscriptions that are due a day before the others

// Prepaid accounts with money for many months, each with a monthly subscription whose last paid day
// was yesterday; written as a month of life would have left them. Of a hundred in a row `unpaid`
// have one minor unit only. Behind them kYesterday more, for a night before the one that counts:
// PostgreSQL reads tables that it has only known empty otherwise than those of any later night.
std::string Prepare(int accounts, int unpaid) {
  return fmt::format(R"sql(
    INSERT INTO package (package_id, name) VALUES ('base', 'Base') ON CONFLICT DO NOTHING;
    INSERT INTO tariff_plan (tariff_plan_id, name, price_minor_units, price_currency, period_days,
                             max_streams, max_devices, grace_days, period_unit)
      VALUES ('monthly', 'Monthly', 999, 'EUR', 1, 2, 5, 7, 'months');
    INSERT INTO tariff_plan_version (tariff_plan_id, version, price_minor_units, price_currency,
        period_days, period_unit, alignment, trial_days, grace_days, prices, setup_fees)
      VALUES ('monthly', 1, 999, 'EUR', 1, 'months', 'anniversary', 0, 7, '{{}}', '{{}}');
    INSERT INTO tariff_plan_package VALUES ('monthly', 'base');
    INSERT INTO account (account_id, account_number, created_at, charging, currency)
      SELECT 'a-' || n, 'a-' || n, now(), 'prepaid', 'EUR' FROM generate_series(1, {0}) AS n;
    CREATE TEMPORARY TABLE due ON COMMIT DROP AS
      SELECT n, current_date - CASE WHEN n > {0} - {2} THEN 1 ELSE 0 END AS day
        FROM generate_series(1, {0}) AS n;
    INSERT INTO subscription (subscription_id, account_id, tariff_plan_id, state, valid_until,
                              started_at, revision, plan_version, charging, currency, anchor)
      SELECT 's-' || n, 'a-' || n, 'monthly', 'active', day, now() - interval '1 month', 1, 1,
             'prepaid', 'EUR', day - interval '1 month'
        FROM due;
    INSERT INTO subscription_term (subscription_id, from_day, to_day)
      SELECT 's-' || n, day - interval '1 month', day FROM due;
    INSERT INTO ledger_account (ledger_account_id, kind, owner, currency, overdraft)
      SELECT 'wallet/a-' || n || '/EUR', 'wallet', 'a-' || n, 'EUR', 0
        FROM generate_series(1, {0}) AS n;
    INSERT INTO ledger_account (ledger_account_id, kind, owner, currency)
      VALUES ('promotion/bench/EUR', 'promotion', 'bench', 'EUR');
    INSERT INTO ledger_transfer (position, transfer_id, entry_id, kind, currency, debit_account,
                                 credit_account, amount, reason, created_at)
      SELECT n, 'gift-' || n, 'gift-' || n, 'posted', 'EUR', 'promotion/bench/EUR',
             'wallet/a-' || n || '/EUR',
             CASE WHEN n % 100 < {1} AND n <= {0} - {2} THEN 1 ELSE 100000 END, 'bench', now()
        FROM generate_series(1, {0}) AS n;
    UPDATE ledger_counter SET position = {0};
    ANALYZE;
  )sql",
                     accounts + kYesterday, unpaid, kYesterday);
}

// As in production the next run goes on where the database did not answer in time.
absl::Status Charge(RenewalJob& job, sys_days today) {
  const auto began = std::chrono::steady_clock::now();
  for (int interrupted = 0;; ++interrupted) {
    const absl::Status run = job.RunFor(today, Deadline::After(12h)).status();
    if (!absl::IsDeadlineExceeded(run) || interrupted == kMostInterruptions) return run;
    fmt::print(stderr, "interrupted after {:.0f} s: {}\n",
               std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count(),
               run.ToString());
  }
}

absl::StatusOr<std::int64_t> CountRenewed(storage::PgPool& pool) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const storage::PgResult renewed,
      pool.Query(Deadline::After(1min), "SELECT count(*) FROM subscription WHERE revision = 2"));
  return renewed.Int(0, 0);
}

absl::Status Renewals(Store& store, Metrics& metrics, storage::PgPool& pool) {
  RenewalJob job(store, metrics, SystemClock::Get(), {});
  const auto today = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
  HOLDFAST_RETURN_IF_ERROR(Charge(job, today - std::chrono::days(1)));
  HOLDFAST_RETURN_IF_ERROR(pool.Execute(Deadline::After(10min), "ANALYZE"));
  HOLDFAST_ASSIGN_OR_RETURN(const std::int64_t before, CountRenewed(pool));
  const auto began = std::chrono::steady_clock::now();
  HOLDFAST_RETURN_IF_ERROR(Charge(job, today));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  HOLDFAST_ASSIGN_OR_RETURN(const std::int64_t after, CountRenewed(pool));
  fmt::print("{} {:.3f}\n", after - before, took.count());
  return absl::OkStatus();
}

// As an instance makes one for an account that it does not have in memory: read, derived, signed.
absl::Status Snapshots(Store& store, std::chrono::seconds time, int accounts) {
  SeededRandom chance(1);
  const auto keys = security::KeySet::ForTest("bench", "0123456789abcdef0123456789abcdef");
  std::int64_t made = 0;
  const auto began = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - began < time) {
    const AccountId id("a-" +
                       std::to_string(1 + chance.Below(static_cast<std::uint64_t>(accounts))));
    HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Facts> facts,
                              store.FindFacts(Deadline::After(10s), {id}));
    if (facts.size() != 1 || facts.front().holdings.size() != 1) return Internal("{}?", id.value());
    v1::Entitlement told;
    if (!told.ParseFromString(Snapshot(facts.front(), {}, keys)) ||
        told.signed_copy().signature().empty()) {
      return Internal("not signed");
    }
    ++made;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  fmt::print("{} {:.3f}\n", made, took.count());
  return absl::OkStatus();
}

absl::Status Verify(Store& store) {
  const auto began = std::chrono::steady_clock::now();
  HOLDFAST_ASSIGN_OR_RETURN(const BooksReport report, store.VerifyBooks(Deadline::After(1h)));
  for (const auto& problem : report.problems) {
    return Internal("books: {} {}", problem.check, problem.what);
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  fmt::print("{} {:.3f}\n", report.transfers, took.count());
  return absl::OkStatus();
}

absl::Status Run(const storage::PgOptions& options, const std::string& what, int number,
                 int unpaid) {
  telemetry::InitLogging({.service = "billing_bench", .minimum = telemetry::Level::kWarning});
  telemetry::Metrics registry;
  Metrics metrics(registry);
  storage::PgPool pool(options, registry);
  HOLDFAST_RETURN_IF_ERROR(storage::Migrate(pool, Migrations(), Deadline::After(1min)));
  PgStore store(pool);
  if (what == "prepare") return pool.Execute(Deadline::After(1h), Prepare(number, unpaid));
  if (what == "renewals") return Renewals(store, metrics, pool);
  if (what == "verify") return Verify(store);
  HOLDFAST_ASSIGN_OR_RETURN(const storage::PgResult accounts,
                            pool.Query(Deadline::After(1min), "SELECT count(*) FROM account"));
  if (what == "snapshots") {
    return Snapshots(store, std::chrono::seconds(number), static_cast<int>(accounts.Int(0, 0)));
  }
  return InvalidArgument("what is {}?", what);
}

}  // namespace
}  // namespace holdfast::billing

int main(int argc, char** argv) {
  holdfast::storage::PgOptions options;
  std::string what;
  int number = 0;
  int unpaid = 0;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto value = [&] { return i + 1 < argc ? std::string(argv[++i]) : std::string(); };
    if (word == "--hosts")
      options.hosts = value();
    else if (word == "--database")
      options.database = value();
    else if (word == "--user")
      options.user = value();
    else if (word == "--unpaid")
      unpaid = std::atoi(value().c_str());
    else if (what.empty())
      what = word;
    else
      number = std::atoi(word.c_str());
  }
  const absl::Status status = holdfast::billing::Run(options, what, number, unpaid);
  if (status.ok()) return 0;
  std::fprintf(stderr, "billing_bench: %s\n", holdfast::ToString(status).c_str());
  return 1;
}
