// What is charged once and not again: rentals.
#include <utility>

#include "libs/base/random.h"
#include "libs/base/status.h"
#include "services/billing/biller.h"

namespace holdfast::billing {

absl::StatusOr<Biller::Rented> Biller::Rent(const RentalOrder& order, WallTime now) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::optional<Rental> last,
                            tx_.LastRental(account_.id, order.item));
  if (last && last->runs(now)) return Rented{*last, /*before=*/true};

  HOLDFAST_ASSIGN_OR_RETURN(const Money price, DecideRentalPrice(account_, order));
  HOLDFAST_ASSIGN_OR_RETURN(const Facts facts, tx_.FindFacts(account_));
  HOLDFAST_RETURN_IF_ERROR(CheckMayRent(facts, today_));
  Rental rental = BeginRental(account_, order, price, RentalId(SecureHex(8)), now, last);
  if (price.minor_units() > 0) {
    const bool prepaid = account_.charging == Charging::kPrepaid;
    HOLDFAST_ASSIGN_OR_RETURN(TaxRate rate, tx_.FindTaxRate(account_.region, today_));
    HOLDFAST_ASSIGN_OR_RETURN(
        const Invoice invoice,
        MakeInvoice({.id = InvoiceId(SecureHex(8)),
                     .account = account_.id,
                     .currency = price.currency(),
                     .rate = std::move(rate),
                     .lines = {RentalLine(rental, order)},
                     .issued_on = today_,
                     .due_on = prepaid ? today_ : today_ + account_.payment_days}));
    if (prepaid) {
      HOLDFAST_ASSIGN_OR_RETURN(const std::int64_t available, ProvideFor(invoice, 0));
      if (available < invoice.total()) {
        return FailedPrecondition("insufficient_funds: {} cannot pay {} of {}", account_.id.value(),
                                  invoice.total(), order.item.value());
      }
    }
    HOLDFAST_RETURN_IF_ERROR(IssueAndSettle(invoice));
    rental.invoice = invoice.id;
  }
  HOLDFAST_RETURN_IF_ERROR(tx_.AddRental(rental));
  return Rented{std::move(rental)};
}

}  // namespace holdfast::billing
