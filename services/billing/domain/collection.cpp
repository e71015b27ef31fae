#include "services/billing/domain/collection.h"

#include "libs/base/check.h"
#include "libs/base/status.h"

namespace holdfast::billing {

absl::Status CheckPaymentMethod(const PaymentMethod& method) {
  constexpr std::size_t kLongestSource = 200;
  HOLDFAST_RETURN_IF_ERROR(CheckId("account_id", method.account.value()));
  if (method.source.empty()) return InvalidArgument("source is empty");
  return CheckText("source", method.source, kLongestSource);
}

std::optional<CollectionOrder> DecideCollection(const std::vector<DueInvoice>& due,
                                                const std::string& currency,
                                                const DunningSchedule& schedule, sys_days today) {
  CollectionOrder order;
  std::int64_t open = 0;
  for (const DueInvoice& one : due) {
    const Invoice& invoice = one.invoice;
    if (invoice.currency != currency || invoice.due_on > today || invoice.open() <= 0) continue;
    open += invoice.open();
    const int step = DunningStep(schedule, invoice.due_on, today);
    if (one.tried < step) order.steps.push_back({invoice.id, step});
  }
  if (order.steps.empty()) return std::nullopt;
  absl::StatusOr<Money> amount = Money::Make(open, currency);
  HOLDFAST_CHECK(amount.ok());
  order.amount = *std::move(amount);
  return order;
}

}  // namespace holdfast::billing
