#include "services/billing/pg_rows.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "libs/base/status.h"

#include "libs/base/check.h"

namespace holdfast::billing {
namespace {

using storage::PgParam;
using storage::PgResult;

// In the order of Subscription::State.
constexpr std::array<std::string_view, 8> kSubscriptionStates = {
    "active",   "grace", "suspended", "cancelled", "expired", "pending_activation",
    "trialing", "paused"};
// In the order of Charging, Period::Unit, Alignment.
constexpr std::array<std::string_view, 3> kChargings = {"elsewhere", "prepaid", "postpaid"};
constexpr std::array<std::string_view, 3> kUnits = {"days", "months", "years"};
constexpr std::array<std::string_view, 2> kAlignments = {"anniversary", "calendar"};

template <class Enum, std::size_t kSize>
Enum ValueOf(const std::array<std::string_view, kSize>& names, std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  HOLDFAST_CHECK(found != names.end());
  return static_cast<Enum>(found - names.begin());
}

// "EUR 990 20500"
std::vector<std::string_view> Words(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

std::int64_t Number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  HOLDFAST_CHECK(error == std::errc() && end == text.data() + text.size());
  return value;
}

Money MoneyOf(std::int64_t minor_units, std::string_view currency) {
  absl::StatusOr<Money> money = Money::Make(minor_units, currency);
  HOLDFAST_CHECK(money.ok());
  return *std::move(money);
}

Subscription::State SubscriptionStateOf(std::string_view name) {
  return ValueOf<Subscription::State>(kSubscriptionStates, name);
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
  account.charging = ChargingOf(rows.Text(row, first + 7));
  account.currency = rows.Text(row, first + 8);
  account.region = rows.Text(row, first + 9);
  account.payment_days = std::chrono::days(rows.Int(row, first + 10));
  account.reseller = ResellerId(std::string(rows.Text(row, first + 11)));
  account.reseller_pays = rows.Bool(row, first + 12);
  if (!rows.IsNull(row, first + 13)) account.parked_since = rows.Time(row, first + 13);
  account.parked_why = rows.Text(row, first + 14);
  return account;
}

TariffPlan PlanAt(const PgResult& rows, int row, int first) {
  TariffPlan plan;
  plan.id = TariffPlanId(std::string(rows.Text(row, first)));
  plan.name = rows.Text(row, first + 1);
  plan.price = MoneyOf(rows.Int(row, first + 2), rows.Text(row, first + 3));
  plan.period = {ValueOf<Period::Unit>(kUnits, rows.Text(row, first + 9)),
                 static_cast<int>(rows.Int(row, first + 4))};
  plan.max_streams = static_cast<int>(rows.Int(row, first + 5));
  plan.max_devices = static_cast<int>(rows.Int(row, first + 6));
  plan.grace = std::chrono::days(rows.Int(row, first + 7));
  for (std::string& package : rows.TextArray(row, first + 8)) {
    plan.packages.emplace_back(std::move(package));
  }
  plan.alignment = ValueOf<Alignment>(kAlignments, rows.Text(row, first + 10));
  plan.trial = std::chrono::days(rows.Int(row, first + 11));
  for (const std::string& text : rows.TextArray(row, first + 12)) {
    const auto words = Words(text);
    plan.prices.push_back({MoneyOf(Number(words.at(1)), words.at(0)),
                           sys_days(std::chrono::days(Number(words.at(2))))});
  }
  plan.setup_fees = MoneysIn(rows.TextArray(row, first + 13));
  plan.add_on = rows.Bool(row, first + 14);
  for (std::string& base : rows.TextArray(row, first + 15)) {
    plan.allowed_bases.emplace_back(std::move(base));
  }
  plan.version = static_cast<int>(rows.Int(row, first + 16));
  return plan;
}

Subscription SubscriptionAt(const PgResult& rows, int row, int first) {
  Subscription subscription;
  subscription.id = SubscriptionId(std::string(rows.Text(row, first)));
  subscription.account = AccountId(std::string(rows.Text(row, first + 1)));
  subscription.plan = TariffPlanId(std::string(rows.Text(row, first + 2)));
  subscription.state = SubscriptionStateOf(rows.Text(row, first + 3));
  subscription.valid_until = DayAt(rows, row, first + 4);
  subscription.started_at = rows.Time(row, first + 5);
  subscription.cancel_at_end = rows.Bool(row, first + 6);
  subscription.revision = static_cast<std::uint64_t>(rows.Int(row, first + 7));
  subscription.plan_version = static_cast<int>(rows.Int(row, first + 8));
  subscription.charging = ChargingOf(rows.Text(row, first + 9));
  subscription.currency = rows.Text(row, first + 10);
  subscription.anchor = DayAt(rows, row, first + 11);
  if (!rows.IsNull(row, first + 12)) {
    subscription.base = SubscriptionId(std::string(rows.Text(row, first + 12)));
  }
  subscription.paused_on = DayAt(rows, row, first + 13);
  subscription.cancel_on = DayAt(rows, row, first + 14);
  if (!rows.IsNull(row, first + 15)) {
    subscription.change = PlannedChange{TariffPlanId(std::string(rows.Text(row, first + 15))),
                                        DayAt(rows, row, first + 16)};
  }
  subscription.retry_on = DayAt(rows, row, first + 17);
  subscription.suspended_by = rows.Text(row, first + 18);
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

std::string_view NameOf(Charging charging) {
  return kChargings[static_cast<std::size_t>(charging)];
}

Charging ChargingOf(std::string_view name) { return ValueOf<Charging>(kChargings, name); }

std::string_view NameOf(Period::Unit unit) { return kUnits[static_cast<std::size_t>(unit)]; }

std::string_view NameOf(Alignment alignment) {
  return kAlignments[static_cast<std::size_t>(alignment)];
}

std::vector<std::string> PriceTexts(const std::vector<DatedPrice>& prices) {
  std::vector<std::string> texts;
  for (const DatedPrice& price : prices) {
    texts.push_back(fmt::format("{} {} {}", price.amount.currency(), price.amount.minor_units(),
                                price.valid_from.time_since_epoch().count()));
  }
  return texts;
}

std::vector<std::string> MoneyTexts(const std::vector<Money>& amounts) {
  std::vector<std::string> texts;
  for (const Money& amount : amounts) {
    texts.push_back(fmt::format("{} {}", amount.currency(), amount.minor_units()));
  }
  return texts;
}

std::vector<Facts::RunningRental> RunningRentalsIn(const std::vector<std::string>& texts) {
  std::vector<Facts::RunningRental> rentals;
  for (const std::string& text : texts) {
    const auto words = Words(text);
    rentals.push_back({ItemId(std::string(words.at(0))), FromEpochSeconds(Number(words.at(1)))});
  }
  return rentals;
}

std::vector<Money> MoneysIn(const std::vector<std::string>& texts) {
  std::vector<Money> amounts;
  for (const std::string& text : texts) {
    const auto words = Words(text);
    amounts.push_back(MoneyOf(Number(words.at(1)), words.at(0)));
  }
  return amounts;
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

std::optional<sys_days> DayAt(const PgResult& rows, int row, int column) {
  if (rows.IsNull(row, column)) return std::nullopt;
  return sys_days(std::chrono::days(rows.Int(row, column)));
}

std::vector<std::string> Values(const std::vector<AccountId>& ids) {
  std::vector<std::string> values;
  values.reserve(ids.size());
  for (const AccountId& id : ids) values.push_back(id.value());
  return values;
}

}  // namespace holdfast::billing
