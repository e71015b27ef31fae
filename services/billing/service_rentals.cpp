// Rentals over gRPC.
#include <utility>

#include "services/billing/biller.h"
#include "services/billing/convert.h"
#include "services/billing/convert_rentals.h"
#include "services/billing/service.h"
#include "services/billing/service_once.h"

namespace holdfast::billing {

absl::StatusOr<v1::RentFilmResponse> Service::RentFilm(const rpc::Call& call,
                                                       const v1::RentFilmRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const RentalOrder asked, ParseOrder(request));
  const AccountId account_id(request.account_id());
  auto answer = Once(
      call, request, Secrecy::kNone, [&](Transaction& tx) -> absl::StatusOr<v1::RentFilmResponse> {
        RentalOrder order = asked;
        HOLDFAST_ASSIGN_OR_RETURN(order.package, tx.FindPackage(asked.package.id));
        HOLDFAST_ASSIGN_OR_RETURN(const Account account, tx.FindAccount(account_id));
        HOLDFAST_ASSIGN_OR_RETURN(const Biller::Rented rented,
                                  Biller(tx, account, Today()).Rent(order, clock_.Now()));
        v1::RentFilmResponse response;
        *response.mutable_rental() = ToProto(rented.rental);
        response.set_already_rented(rented.before);
        return response;
      });
  if (answer.ok()) entitlements_.Refresh(account_id, call.deadline());
  return answer;
}

absl::StatusOr<v1::ListRentalsResponse> Service::ListRentals(
    const rpc::Call& call, const v1::ListRentalsRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const RentalFilter filter, ParseFilter(request));
  if (!filter.account.empty()) {
    HOLDFAST_RETURN_IF_ERROR(
        store_.FindAccount(call.deadline(), AccountId(filter.account)).status());
  }
  HOLDFAST_ASSIGN_OR_RETURN(const auto page, FetchPage(filter, [&](const RentalFilter& asked) {
                              return store_.ListRentals(call.deadline(), asked);
                            }));
  v1::ListRentalsResponse response;
  for (const Rental& found : page.rows) *response.add_rentals() = ToProto(found);
  response.set_next_page_token(
      page.NextToken([](const Rental& last) { return TokenAfter(last.from, last.id.value()); }));
  return response;
}

}  // namespace holdfast::billing
