// Rows of billing's tables as domain values. Inside pg_*.cpp only. Each list of columns belongs to
// the function that reads them in that order, `first` being the position of the first.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "libs/storage/pg_pool.h"
#include "services/billing/domain/entitlement.h"
#include "services/billing/domain/invoice.h"

namespace holdfast::billing {

#define HOLDFAST_ACCOUNT_COLUMNS                                                           \
  "a.account_id, coalesce(a.login, ''), a.account_number, a.full_name, a.phone, a.state, " \
  "a.created_at, a.charging, a.currency, a.region, a.payment_days, a.reseller_id, "        \
  "a.reseller_pays, a.parked_since, a.parked_why"
inline constexpr int kAccountColumns = 15;
Account AccountAt(const storage::PgResult& rows, int row, int first = 0);

// Of tariff_plan p and the version v of its terms; without a v they are those of today.
#define HOLDFAST_PLAN_COLUMNS                                                                     \
  "p.tariff_plan_id, p.name, coalesce(v.price_minor_units, p.price_minor_units), "                \
  "coalesce(v.price_currency, p.price_currency), coalesce(v.period_days, p.period_days), "        \
  "p.max_streams, p.max_devices, coalesce(v.grace_days, p.grace_days), "                          \
  "ARRAY(SELECT package_id FROM tariff_plan_package x WHERE x.tariff_plan_id = p.tariff_plan_id " \
  "ORDER BY package_id), coalesce(v.period_unit, p.period_unit), "                                \
  "coalesce(v.alignment, p.alignment), coalesce(v.trial_days, p.trial_days), "                    \
  "coalesce(v.prices, p.prices), coalesce(v.setup_fees, p.setup_fees), p.add_on, "                \
  "p.allowed_bases, coalesce(v.version, p.version)"
#define HOLDFAST_PLANS_OF_TODAY "tariff_plan p LEFT JOIN tariff_plan_version v ON false"
#define HOLDFAST_JOIN_SOLD_PLAN                                             \
  " JOIN tariff_plan p ON p.tariff_plan_id = s.tariff_plan_id"              \
  " LEFT JOIN tariff_plan_version v ON v.tariff_plan_id = s.tariff_plan_id" \
  " AND v.version = s.plan_version "
TariffPlan PlanAt(const storage::PgResult& rows, int row, int first = 0);

// Of subscription s.
#define HOLDFAST_SUBSCRIPTION_COLUMNS                                                     \
  "s.subscription_id, s.account_id, s.tariff_plan_id, s.state, s.valid_until - DATE "     \
  "'1970-01-01', s.started_at, s.cancel_at_end, s.revision, s.plan_version, s.charging, " \
  "s.currency, s.anchor - DATE '1970-01-01', s.base_subscription_id, "                    \
  "s.paused_on - DATE '1970-01-01', s.cancel_on - DATE '1970-01-01', s.change_plan_id, "  \
  "s.change_on - DATE '1970-01-01', s.retry_on - DATE '1970-01-01', s.suspended_by"
inline constexpr int kSubscriptionColumns = 19;
Subscription SubscriptionAt(const storage::PgResult& rows, int row, int first = 0);

// "film-5 1790000000": the item and when its rental ends.
std::vector<Facts::RunningRental> RunningRentalsIn(const std::vector<std::string>& texts);

// Of s and p, in this order.
std::vector<Holding> AllHoldings(const storage::PgResult& rows);

std::string_view NameOf(Account::State state);
std::string_view NameOf(Charging charging);
Charging ChargingOf(std::string_view name);
std::string_view NameOf(Period::Unit unit);
std::string_view NameOf(Alignment alignment);
std::vector<std::string> PriceTexts(const std::vector<DatedPrice>& prices);
std::vector<std::string> MoneyTexts(const std::vector<Money>& amounts);
std::vector<Money> MoneysIn(const std::vector<std::string>& texts);
std::string_view NameOf(Subscription::State state);
storage::PgParam LoginParam(const std::string& login);
// Days since 1970-01-01: the SQL adds them to that date.
storage::PgParam DayParam(const std::optional<sys_days>& day);
std::optional<sys_days> DayAt(const storage::PgResult& rows, int row, int column);

std::vector<std::string> Values(const std::vector<AccountId>& ids);

}  // namespace holdfast::billing
