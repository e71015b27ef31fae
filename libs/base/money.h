// An amount of one currency in whole minor units. Never a floating-point number.
#pragma once

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace holdfast {

class Money {
 public:
  Money() = default;

  // `currency` is an ISO 4217 code in upper case. INVALID_ARGUMENT for any other form.
  static absl::StatusOr<Money> Make(std::int64_t minor_units, std::string_view currency);

  std::int64_t minor_units() const { return minor_units_; }
  const std::string& currency() const { return currency_; }
  bool negative() const { return minor_units_ < 0; }

  Money operator-() const;

  // "12.34 EUR", "-500 JPY", "1.234 KWD".
  std::string ToString() const;

  friend bool operator==(const Money&, const Money&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Money& m) { return out << m.ToString(); }

 private:
  friend absl::StatusOr<Money> Add(const Money&, const Money&);
  friend absl::StatusOr<Money> Subtract(const Money&, const Money&);
  friend absl::StatusOr<Money> Prorate(const Money&, std::int64_t, std::int64_t);

  Money(std::int64_t minor_units, std::string currency)
      : minor_units_(minor_units), currency_(std::move(currency)) {}

  std::int64_t minor_units_ = 0;
  std::string currency_ = "XXX";  // ISO 4217: "no currency"
};

// FAILED_PRECONDITION for two currencies, INVALID_ARGUMENT on overflow.
absl::StatusOr<Money> Add(const Money& a, const Money& b);
absl::StatusOr<Money> Subtract(const Money& a, const Money& b);

// amount x part / whole, rounded half away from zero. `whole` must be positive.
absl::StatusOr<Money> Prorate(const Money& amount, std::int64_t part, std::int64_t whole);

// Digits after the point of a currency (ISO 4217 exponents other than 2; 2 for the rest).
int MinorUnitDigits(std::string_view currency);

}  // namespace holdfast
