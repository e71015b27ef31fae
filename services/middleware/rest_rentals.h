// REST v1: what is said of a film that is rented one by one.
#pragma once

#include "services/middleware/domain/rental.h"
#include "services/middleware/json_writer.h"

namespace holdfast::middleware {

// The value: null, or {"price":{"minor_units":300,"currency":"EUR"},"seconds":172800,"until":null}.
// `until` of one that is rented; `price` and `seconds` are null where it is not for rent any more.
void AppendRental(JsonWriter& json, const FilmRight& right);

}  // namespace holdfast::middleware
