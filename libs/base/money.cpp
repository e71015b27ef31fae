#include "libs/base/money.h"

#include <algorithm>
#include <limits>

#include "libs/base/status.h"

namespace holdfast {
namespace {

absl::Status SameCurrency(const Money& a, const Money& b) {
  if (a.currency() == b.currency()) return absl::OkStatus();
  return FailedPrecondition("cannot combine {} and {}", a.currency(), b.currency());
}

}  // namespace

int MinorUnitDigits(std::string_view currency) {
  for (const std::string_view none : {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG",
                                      "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"}) {
    if (currency == none) return 0;
  }
  for (const std::string_view three : {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"}) {
    if (currency == three) return 3;
  }
  return 2;
}

absl::StatusOr<Money> Money::Make(std::int64_t minor_units, std::string_view currency) {
  const bool well_formed = currency.size() == 3 && std::all_of(currency.begin(), currency.end(),
                                                               [](char c) { return c >= 'A' && c <= 'Z'; });
  if (!well_formed) return InvalidArgument("currency '{}' is not an ISO 4217 code", currency);
  return Money(minor_units, std::string(currency));
}

Money Money::operator-() const { return Money(-minor_units_, currency_); }

std::string Money::ToString() const {
  const int digits = MinorUnitDigits(currency_);
  std::int64_t scale = 1;
  for (int i = 0; i < digits; ++i) scale *= 10;
  const auto magnitude = static_cast<std::uint64_t>(
      minor_units_ < 0 ? -static_cast<__int128>(minor_units_) : static_cast<__int128>(minor_units_));
  const std::string sign = minor_units_ < 0 ? "-" : "";
  const auto major = magnitude / static_cast<std::uint64_t>(scale);
  const auto minor = magnitude % static_cast<std::uint64_t>(scale);
  if (digits == 0) return fmt::format("{}{} {}", sign, major, currency_);
  return fmt::format("{}{}.{:0{}} {}", sign, major, minor, digits, currency_);
}

absl::StatusOr<Money> Add(const Money& a, const Money& b) {
  HOLDFAST_RETURN_IF_ERROR(SameCurrency(a, b));
  std::int64_t sum = 0;
  if (__builtin_add_overflow(a.minor_units_, b.minor_units_, &sum)) {
    return InvalidArgument("{} + {} overflows", a.ToString(), b.ToString());
  }
  return Money(sum, a.currency_);
}

absl::StatusOr<Money> Subtract(const Money& a, const Money& b) {
  HOLDFAST_RETURN_IF_ERROR(SameCurrency(a, b));
  std::int64_t difference = 0;
  if (__builtin_sub_overflow(a.minor_units_, b.minor_units_, &difference)) {
    return InvalidArgument("{} - {} overflows", a.ToString(), b.ToString());
  }
  return Money(difference, a.currency_);
}

absl::StatusOr<Money> Prorate(const Money& amount, std::int64_t part, std::int64_t whole) {
  if (whole <= 0) return InvalidArgument("cannot prorate over {} parts", whole);
  const __int128 product = static_cast<__int128>(amount.minor_units_) * part;
  const __int128 half = whole / 2;
  const __int128 rounded = product >= 0 ? (product + half) / whole : (product - half) / whole;
  if (rounded > std::numeric_limits<std::int64_t>::max() ||
      rounded < std::numeric_limits<std::int64_t>::min()) {
    return InvalidArgument("{} x {} / {} overflows", amount.ToString(), part, whole);
  }
  return Money(static_cast<std::int64_t>(rounded), amount.currency_);
}

}  // namespace holdfast
