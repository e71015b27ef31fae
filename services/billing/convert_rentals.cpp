#include "services/billing/convert_rentals.h"

#include "libs/base/status.h"
#include "services/billing/convert.h"
#include "services/billing/paging.h"

namespace holdfast::billing {
namespace {

constexpr std::size_t kLongestItemName = 200;

absl::Status CheckIfSet(std::string_view what, const std::string& id) {
  return id.empty() ? absl::OkStatus() : CheckId(what, id);
}

}  // namespace

v1::Rental ToProto(const Rental& rental) {
  v1::Rental out;
  out.set_rental_id(rental.id.value());
  out.set_account_id(rental.account.value());
  out.set_item_id(rental.item.value());
  out.set_package_id(rental.package.value());
  *out.mutable_price() = ToProto(rental.price);
  SetTime(rental.from, *out.mutable_from());
  SetTime(rental.until, *out.mutable_until());
  if (rental.invoice) out.set_invoice_id(rental.invoice->value());
  out.set_over(rental.over);
  return out;
}

absl::StatusOr<RentalOrder> ParseOrder(const v1::RentFilmRequest& request) {
  HOLDFAST_RETURN_IF_ERROR(CheckId("account_id", request.account_id()));
  HOLDFAST_RETURN_IF_ERROR(CheckId("item_id", request.item_id()));
  HOLDFAST_RETURN_IF_ERROR(CheckId("package_id", request.package_id()));
  HOLDFAST_RETURN_IF_ERROR(CheckText("item_name", request.item_name(), kLongestItemName));
  if (!request.has_expected_price()) return InvalidArgument("expected_price is needed");
  RentalOrder order{.item = ItemId(request.item_id()), .item_name = request.item_name()};
  order.package.id = PackageId(request.package_id());
  HOLDFAST_ASSIGN_OR_RETURN(order.expected, ParseMoney("expected_price", request.expected_price()));
  return order;
}

absl::StatusOr<RentalFilter> ParseFilter(const v1::ListRentalsRequest& request) {
  HOLDFAST_RETURN_IF_ERROR(CheckIfSet("account_id", request.account_id()));
  HOLDFAST_RETURN_IF_ERROR(CheckIfSet("item_id", request.item_id()));
  HOLDFAST_RETURN_IF_ERROR(CheckIfSet("package_id", request.package_id()));
  RentalFilter filter{.account = request.account_id(),
                      .item = request.item_id(),
                      .package = request.package_id(),
                      .only_running = request.only_running()};
  HOLDFAST_ASSIGN_OR_RETURN(filter.limit, ParsePageSize(request.page_size()));
  HOLDFAST_ASSIGN_OR_RETURN(filter.before, ParseTimeToken(request.page_token()));
  return filter;
}

}  // namespace holdfast::billing
