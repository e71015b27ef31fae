#include "services/middleware/rental_desk.h"

#include <algorithm>
#include <chrono>

#include "libs/base/status.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;
namespace bv1 = billing::v1;

constexpr auto kNewsTimeout = 1s;
constexpr std::size_t kLongestName = 200;  // of an item, in billing
constexpr std::size_t kMostWholeDigits = 12;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Whole characters, no control characters: what billing takes.
std::string Printable(std::string_view name) {
  name = name.substr(0, kLongestName);
  // Not within a character of several bytes.
  while (!name.empty() && name.size() == kLongestName &&
         (static_cast<unsigned char>(name.back()) & 0x80) != 0) {
    name.remove_suffix(1);
  }
  std::string text(name);
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  return text;
}

}  // namespace

absl::StatusOr<RentedUntil> RentalDesk::Rent(const FilmOrder& order, Deadline deadline) {
  bv1::RentFilmRequest request;
  request.set_account_id(order.account.value());
  request.set_item_id(RentalItemOf(order.title));
  request.set_item_name(Printable(order.name));
  request.set_package_id(order.package.value());
  request.mutable_expected_price()->set_minor_units(order.price.minor_units());
  request.mutable_expected_price()->set_currency(order.price.currency());
  HOLDFAST_ASSIGN_OR_RETURN(const bv1::RentFilmResponse rented,
                            billing_.Rent(std::move(request), {order.person, order.key, deadline}));
  entitlements_.Renew(order.account, deadline.AtMost(kNewsTimeout));
  return RentedUntil{.until = rented.rental().until().seconds(),
                     .already_rented = rented.already_rented()};
}

std::optional<Money> ParsePrice(std::string_view text, std::string_view currency) {
  const std::size_t digits = static_cast<std::size_t>(MinorUnitDigits(currency));
  std::size_t at = 0;
  std::int64_t amount = 0;
  while (at < text.size() && at <= kMostWholeDigits && IsDigit(text[at])) {
    amount = amount * 10 + (text[at++] - '0');
  }
  if (at == 0 || at > kMostWholeDigits) return std::nullopt;
  std::size_t decimals = 0;
  if (at < text.size() && (text[at] == '.' || text[at] == ',')) {
    ++at;
    for (; at < text.size() && IsDigit(text[at]) && decimals < digits; ++at, ++decimals) {
      amount = amount * 10 + (text[at] - '0');
    }
    if (decimals == 0 || (at < text.size() && IsDigit(text[at]))) return std::nullopt;
  }
  for (; decimals < digits; ++decimals) amount *= 10;
  while (at < text.size() && text[at] == ' ') ++at;
  if (at < text.size() && text.substr(at) != currency) return std::nullopt;
  auto money = Money::Make(amount, currency);
  if (!money.ok()) return std::nullopt;
  return *std::move(money);
}

}  // namespace holdfast::middleware
