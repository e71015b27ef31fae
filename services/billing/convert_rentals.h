// Rentals on the wire and in the domain. Parse functions answer INVALID_ARGUMENT and name the field.
#pragma once

#include "absl/status/statusor.h"
#include "holdfast/billing/v1/billing.pb.h"
#include "services/billing/domain/rental.h"
#include "services/billing/store_lists.h"

namespace holdfast::billing {

v1::Rental ToProto(const Rental& rental);

// Of its package only the id.
absl::StatusOr<RentalOrder> ParseOrder(const v1::RentFilmRequest& request);
absl::StatusOr<RentalFilter> ParseFilter(const v1::ListRentalsRequest& request);

}  // namespace holdfast::billing
