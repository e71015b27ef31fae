// Renting a film for an account: asked of billing, never on the way of a list or a link. What is
// rented reaches every instance by the entitlement that it follows anyway.
//
//   billing    deadline  retry  when it fails
//   RentFilm   8 s       once   UNAVAILABLE: nothing is rented as far as we know; asking again
//   never
//                               charges twice, for what runs is not charged
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "libs/base/money.h"
#include "services/middleware/billing_office.h"
#include "services/middleware/domain/rental.h"
#include "services/middleware/entitlements.h"

namespace holdfast::middleware {

struct FilmOrder {
  AccountId account;
  std::int64_t title = 0;
  std::string name;  // for the bill
  PackageId package;
  Money price;         // that the viewer agreed to
  std::string key;     // makes it happen once
  std::string person;  // who wants it: "viewer:00:1A:79:12:34:56"
};

struct RentedUntil {
  std::int64_t until = 0;       // epoch seconds
  bool already_rented = false;  // nothing was charged
};

// Thread-safe: no state of its own. Blocks: worker threads. What it is given outlives it.
class RentalDesk {
 public:
  RentalDesk(BillingOffice& billing, Entitlements& entitlements)
      : billing_(billing), entitlements_(entitlements) {}

  // Refusals of billing come as they are.
  absl::StatusOr<RentedUntil> Rent(const FilmOrder& order, Deadline deadline);

 private:
  BillingOffice& billing_;
  Entitlements& entitlements_;
};

// The price in a text as people and boxes write it, in that currency: "3.00 EUR", "3,5", "3".
// Nothing: it is none, or of another currency.
std::optional<Money> ParsePrice(std::string_view text, std::string_view currency);

}  // namespace holdfast::middleware
