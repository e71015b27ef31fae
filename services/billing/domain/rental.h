// Items of a package that are rented one by one: a price, a length, and nothing that renews itself.
//
//   rent --> runs until `until` --> over, and for rent again
//
// What is rented is never taken back by the calendar or by debt; who is suspended or closed watches
// nothing meanwhile, and its rentals run on.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "libs/base/clock.h"
#include "libs/base/money.h"
#include "services/billing/domain/account.h"
#include "services/billing/domain/entitlement.h"
#include "services/billing/domain/ids.h"
#include "services/billing/domain/invoice.h"
#include "services/billing/domain/tariff_plan.h"

namespace holdfast::billing {

struct Rental {
  RentalId id;
  AccountId account;
  ItemId item;
  PackageId package;
  Money price;                         // as quoted
  std::optional<InvoiceId> invoice{};  // nothing: it cost nothing
  WallTime from;                       // whole seconds, as `until`
  WallTime until;
  bool over = false;  // the entitlement tells of it no more

  bool runs(WallTime now) const { return !over && now < until; }
};

// What somebody asks for.
struct RentalOrder {
  ItemId item;
  std::string item_name;  // for the invoice; empty: the package's
  Package package;
  Money expected;
};

// The price that is asked of such an account now. FAILED_PRECONDITION: not_for_rent, account_closed,
// not_charged_by_us, no_price, price_changed.
absl::StatusOr<Money> DecideRentalPrice(const Account& account, const RentalOrder& order);

// Whether what the account holds and owes lets it rent. FAILED_PRECONDITION: unpaid,
// subscription_suspended, subscription_paused.
absl::Status CheckMayRent(const Facts& facts, sys_days today);

// The rental that begins now; not before `last` of the same item has ended.
Rental BeginRental(const Account& account, const RentalOrder& order, const Money& price,
                   RentalId id, WallTime now, const std::optional<Rental>& last);

// What it costs, to be completed by MakeInvoice.
InvoiceLine RentalLine(const Rental& rental, const RentalOrder& order);

}  // namespace holdfast::billing
