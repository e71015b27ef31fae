// Rows of billing's tables as domain values. Inside pg_*.cpp only. Each list of columns belongs to
// the function that reads them in that order, `first` being the position of the first.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "libs/storage/pg_pool.h"
#include "services/billing/domain/entitlement.h"

namespace holdfast::billing {

#define HOLDFAST_ACCOUNT_COLUMNS                                                           \
  "a.account_id, coalesce(a.login, ''), a.account_number, a.full_name, a.phone, a.state, " \
  "a.created_at"
inline constexpr int kAccountColumns = 7;
Account AccountAt(const storage::PgResult& rows, int row, int first = 0);

// Of tariff_plan p.
#define HOLDFAST_PLAN_COLUMNS                                                                     \
  "p.tariff_plan_id, p.name, p.price_minor_units, p.price_currency, p.period_days, "              \
  "p.max_streams, p.max_devices, p.grace_days, "                                                  \
  "ARRAY(SELECT package_id FROM tariff_plan_package x WHERE x.tariff_plan_id = p.tariff_plan_id " \
  "ORDER BY package_id)"
TariffPlan PlanAt(const storage::PgResult& rows, int row, int first = 0);

// Of subscription s.
#define HOLDFAST_SUBSCRIPTION_COLUMNS                                                 \
  "s.subscription_id, s.account_id, s.tariff_plan_id, s.state, s.valid_until - DATE " \
  "'1970-01-01', s.started_at, s.cancel_at_end, s.revision"
inline constexpr int kSubscriptionColumns = 8;
Subscription SubscriptionAt(const storage::PgResult& rows, int row, int first = 0);

// Of s and p, in this order.
std::vector<Holding> AllHoldings(const storage::PgResult& rows);

std::string_view NameOf(Account::State state);
std::string_view NameOf(Subscription::State state);
storage::PgParam LoginParam(const std::string& login);
// Days since 1970-01-01: the SQL adds them to that date.
storage::PgParam DayParam(const std::optional<sys_days>& day);

std::vector<std::string> Values(const std::vector<AccountId>& ids);

}  // namespace holdfast::billing
