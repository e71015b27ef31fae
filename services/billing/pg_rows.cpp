#include "services/billing/pg_rows.h"

#include <array>
#include <utility>

#include "libs/base/check.h"

namespace holdfast::billing {
namespace {

using storage::PgParam;
using storage::PgResult;

// In the order of Subscription::State.
constexpr std::array<std::string_view, 5> kSubscriptionStates = {"active", "grace", "suspended",
                                                                 "cancelled", "expired"};

Subscription::State SubscriptionStateOf(std::string_view name) {
  for (std::size_t i = 0; i < kSubscriptionStates.size(); ++i) {
    if (kSubscriptionStates[i] == name) return static_cast<Subscription::State>(i);
  }
  CheckFailed(__FILE__, __LINE__, "a subscription state that the table does not allow");
}

}  // namespace

Account AccountAt(const PgResult& rows, int row, int first) {
  Account account;
  account.id = AccountId(std::string(rows.Text(row, first)));
  account.login = rows.Text(row, first + 1);
  account.number = rows.Text(row, first + 2);
  account.full_name = rows.Text(row, first + 3);
  account.phone = rows.Text(row, first + 4);
  account.state =
      rows.Text(row, first + 5) == "open" ? Account::State::kOpen : Account::State::kClosed;
  account.created_at = rows.Time(row, first + 6);
  return account;
}

TariffPlan PlanAt(const PgResult& rows, int row, int first) {
  TariffPlan plan;
  plan.id = TariffPlanId(std::string(rows.Text(row, first)));
  plan.name = rows.Text(row, first + 1);
  absl::StatusOr<Money> price = Money::Make(rows.Int(row, first + 2), rows.Text(row, first + 3));
  HOLDFAST_CHECK(price.ok());
  plan.price = *std::move(price);
  plan.period = std::chrono::days(rows.Int(row, first + 4));
  plan.max_streams = static_cast<int>(rows.Int(row, first + 5));
  plan.max_devices = static_cast<int>(rows.Int(row, first + 6));
  plan.grace = std::chrono::days(rows.Int(row, first + 7));
  for (std::string& package : rows.TextArray(row, first + 8)) {
    plan.packages.emplace_back(std::move(package));
  }
  return plan;
}

Subscription SubscriptionAt(const PgResult& rows, int row, int first) {
  Subscription subscription;
  subscription.id = SubscriptionId(std::string(rows.Text(row, first)));
  subscription.account = AccountId(std::string(rows.Text(row, first + 1)));
  subscription.plan = TariffPlanId(std::string(rows.Text(row, first + 2)));
  subscription.state = SubscriptionStateOf(rows.Text(row, first + 3));
  if (!rows.IsNull(row, first + 4)) {
    subscription.valid_until = sys_days(std::chrono::days(rows.Int(row, first + 4)));
  }
  subscription.started_at = rows.Time(row, first + 5);
  subscription.cancel_at_end = rows.Bool(row, first + 6);
  subscription.revision = static_cast<std::uint64_t>(rows.Int(row, first + 7));
  return subscription;
}

std::vector<Holding> AllHoldings(const PgResult& rows) {
  std::vector<Holding> holdings;
  for (int row = 0; row < rows.rows(); ++row) {
    holdings.push_back({SubscriptionAt(rows, row), PlanAt(rows, row, kSubscriptionColumns)});
  }
  return holdings;
}

std::string_view NameOf(Account::State state) {
  return state == Account::State::kOpen ? "open" : "closed";
}

std::string_view NameOf(Subscription::State state) {
  return kSubscriptionStates[static_cast<std::size_t>(state)];
}

PgParam LoginParam(const std::string& login) {
  return login.empty() ? PgParam(std::nullopt) : PgParam(login);
}

PgParam DayParam(const std::optional<sys_days>& day) {
  if (!day) return std::nullopt;
  return static_cast<std::int64_t>(day->time_since_epoch().count());
}

std::vector<std::string> Values(const std::vector<AccountId>& ids) {
  std::vector<std::string> values;
  values.reserve(ids.size());
  for (const AccountId& id : ids) values.push_back(id.value());
  return values;
}

}  // namespace holdfast::billing
