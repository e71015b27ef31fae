// The tables say of rows what the rules say of holdings: what a job looks for is what it can do
// something with. A difference would make it stand still, or leave somebody out.
#include <set>

#include "services/billing/billing_money_test.h"

namespace holdfast::billing {
namespace {

using std::chrono::days;
using test::IsOk;

constexpr sys_days kToday = Day(2026, 6, 15);
constexpr int kAccounts = 400;

class AgreementTest : public MoneyTest {
 protected:
  AgreementTest() {
    v1::TariffPlan plan = Monthly("basic", 1000);
    plan.set_grace_days(2);
    EXPECT_THAT(Put(plan), IsOk());
  }
  // NULL, or a day around today.
  std::string AnyDay(unsigned null_of = 3) {
    if (chance_.Below(null_of) == 0) return "NULL";
    return "'" + ShowDay(kToday + days(chance_.Below(7)) - days(3)) + "'";
  }
  std::string AnyOf(std::vector<std::string> of) { return of[chance_.Below(of.size())]; }

  // Accounts with a subscription each, and an invoice that may be unpaid.
  void Fill(const std::vector<std::string>& chargings) {
    std::string script;
    for (int i = 0; i < kAccounts; ++i) {
      const std::string charging = AnyOf(chargings);
      const bool elsewhere = charging == "elsewhere";
      const std::string state = AnyOf({"active", "active", "grace", "suspended", "trialing",
                                       "pending_activation", "cancelled"});
      const bool has_change = chance_.Below(3) == 0;
      const std::string by = state == "suspended" ? AnyOf({"", "command-k", "debt-x"}) : "";
      script += fmt::format(
          "INSERT INTO account (account_id, account_number, created_at, charging, currency)"
          " VALUES ('m{0}', '{0}', now(), '{1}', '{2}');",
          i, charging, elsewhere ? "" : "EUR");
      script += fmt::format(
          "INSERT INTO subscription (subscription_id, account_id, tariff_plan_id, state,"
          " valid_until, started_at, cancel_at_end, revision, plan_version, charging, currency,"
          " anchor, cancel_on, change_plan_id, change_on, retry_on, suspended_by)"
          " VALUES ('s{0}', 'm{0}', 'basic', '{1}', {2}, now(), {3}, 1, 1, '{4}', '{5}',"
          " '2026-01-01', {6}, {7}, {8}, {9}, '{10}');",
          i, state, AnyDay(5), chance_.Below(4) == 0, charging, elsewhere ? "" : "EUR", AnyDay(2),
          has_change ? "'basic'" : "NULL", has_change ? AnyDay() : "NULL", AnyDay(2), by);
      script += fmt::format(
          "INSERT INTO invoice (invoice_id, account_id, currency, tax_region, tax_name, tax_ppm,"
          " tax_inclusive, net, tax, settled, credited, returned, issued_on, due_on, number)"
          " VALUES ('i{0}', 'm{0}', 'EUR', 'none', '', 0, false, 100, 0, {1}, 0, 0, '2026-05-01',"
          " '{2}', {0} + 1);",
          i, chance_.Below(3) == 0 ? 100 : 0, ShowDay(kToday + days(chance_.Below(7)) - days(4)));
    }
    ASSERT_THAT(pool_.Execute(Soon(), script), IsOk());
  }

  using Find = std::function<absl::StatusOr<std::vector<Account>>(Transaction&)>;
  using Says = std::function<bool(const Holding&, std::optional<sys_days> oldest_due)>;
  void ExpectAgreement(const Find& find, const Says& says) {
    std::set<std::string> by_rows, by_rules;
    ASSERT_THAT(
        store_.Transact(Soon(),
                        [&](Transaction& tx) -> absl::Status {
                          HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Account> found, find(tx));
                          for (const Account& account : found) by_rows.insert(account.id.value());
                          for (int i = 0; i < kAccounts; ++i) {
                            const AccountId id(fmt::format("m{}", i));
                            HOLDFAST_ASSIGN_OR_RETURN(const auto holdings, tx.LiveHoldings(id));
                            HOLDFAST_ASSIGN_OR_RETURN(const auto open, tx.OpenInvoices(id));
                            std::optional<sys_days> due;
                            if (!open.empty()) due = open.front().due_on;
                            for (const Holding& held : holdings) {
                              if (says(held, due)) by_rules.insert(id.value());
                            }
                          }
                          return absl::OkStatus();
                        }),
        IsOk());
    EXPECT_EQ(by_rows, by_rules);
    EXPECT_GT(by_rules.size(), 10u);
    EXPECT_LT(by_rules.size(), kAccounts - 10u);
  }

  const std::uint64_t seed_ = SecureSeed();
  testing::ScopedTrace trace_{__FILE__, __LINE__, fmt::format("seed {}", seed_)};
  SeededRandom chance_{seed_};
};

TEST_F(AgreementTest, OnWhatIsCharged) {
  Fill({"elsewhere", "prepaid", "postpaid"});
  ExpectAgreement([](Transaction& tx) { return tx.ChargeableAccounts(kToday, 1000); },
                  [](const Holding& held, std::optional<sys_days>) {
                    return held.subscription.gives_service() &&
                           (TermDue(held, kToday) || ChangeIsDue(held.subscription, kToday));
                  });
}

TEST_F(AgreementTest, OnWhatTheCalendarMoves) {
  Fill({"elsewhere", "prepaid", "postpaid"});
  ASSERT_THAT(pool_.Execute(Soon(),
                            "DELETE FROM subscription WHERE charging = 'elsewhere' AND"
                            " state IN ('trialing', 'pending_activation')"),
              IsOk());  // there are none
  ExpectAgreement([](Transaction& tx) { return tx.DueAccounts(kToday, 1000); },
                  [](const Holding& held, std::optional<sys_days>) {
                    return DecideByDate(held, kToday).has_value();
                  });
}

TEST_F(AgreementTest, OnWhatADebtTakesAway) {
  Fill({"postpaid", "postpaid", "prepaid"});
  ExpectAgreement([](Transaction& tx) { return tx.IndebtedAccounts(kToday, 1000); },
                  [](const Holding& held, std::optional<sys_days> due) {
                    return due && *due < kToday && DecideByDebt(held, due, kToday);
                  });
}

}  // namespace
}  // namespace holdfast::billing
