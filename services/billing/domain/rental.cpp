#include "services/billing/domain/rental.h"

#include <algorithm>
#include <utility>

#include "libs/base/status.h"

namespace holdfast::billing {

absl::StatusOr<Money> DecideRentalPrice(const Account& account, const RentalOrder& order) {
  const std::string& package = order.package.id.value();
  if (account.state == Account::State::kClosed) {
    return FailedPrecondition("account_closed: account {} is closed", account.id.value());
  }
  if (order.package.service_type != Package::ServiceType::kSingle) {
    return FailedPrecondition("not_for_rent: package {} is not rented singly", package);
  }
  if (account.charging == Charging::kElsewhere) {
    return FailedPrecondition("not_charged_by_us: account {} is charged elsewhere",
                              account.id.value());
  }
  const Money* const price = RentalPriceIn(order.package, account.currency);
  if (price == nullptr) {
    return FailedPrecondition("no_price: package {} is not rented in {}", package,
                              account.currency);
  }
  if (*price != order.expected) {
    return FailedPrecondition("price_changed: package {} costs {}, not {}", package,
                              price->ToString(), order.expected.ToString());
  }
  return *price;
}

absl::Status CheckMayRent(const Facts& facts, sys_days today) {
  const std::string& account = facts.account.id.value();
  if (facts.owed > 0 && facts.due_on && *facts.due_on < today) {
    return FailedPrecondition("unpaid: account {} owes {} since {}", account, facts.owed,
                              ShowDay(*facts.due_on));
  }
  const Entitlement entitlement = DeriveEntitlement(facts);
  if (entitlement.standing != Entitlement::Standing::kSuspended) return absl::OkStatus();
  switch (entitlement.reason) {
    case Entitlement::Reason::kUnpaid:
      return FailedPrecondition("unpaid: account {} is suspended for debt", account);
    case Entitlement::Reason::kPaused:
      return FailedPrecondition("subscription_paused: account {} is paused", account);
    default:
      return FailedPrecondition("subscription_suspended: account {} is suspended", account);
  }
}

Rental BeginRental(const Account& account, const RentalOrder& order, const Money& price,
                   RentalId id, WallTime now, const std::optional<Rental>& last) {
  WallTime from = FromEpochSeconds(EpochSeconds(now));
  // Another instance's clock may have ended the last one a moment ago.
  if (last) from = std::max(from, last->until);
  return {.id = std::move(id),
          .account = account.id,
          .item = order.item,
          .package = order.package.id,
          .price = price,
          .from = from,
          .until = from + order.package.rental_length};
}

InvoiceLine RentalLine(const Rental& rental, const RentalOrder& order) {
  const std::string& name = order.item_name.empty() ? order.package.name : order.item_name;
  return {.text = "Rental: " + name,
          .plan = TariffPlanId(rental.package.value()),
          .quoted = rental.price.minor_units()};
}

}  // namespace holdfast::billing
