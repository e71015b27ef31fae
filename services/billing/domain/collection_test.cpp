#include "services/billing/domain/collection.h"

#include <gmock/gmock.h>

#include "libs/testing/status_matchers.h"

namespace holdfast::billing {
namespace {

using std::chrono::days;
using test::HasMessage;
using test::IsOk;

constexpr sys_days kDue{days(20'500)};
const DunningSchedule kSchedule = {days(1), days(7), days(14)};

DueInvoice Due(const std::string& id, std::int64_t open, sys_days due_on, int tried = -1) {
  return {{.id = InvoiceId(id), .currency = "EUR", .net = open, .due_on = due_on}, tried};
}
// "120: a/0 b/2", or "nothing".
std::string Decide(const std::vector<DueInvoice>& due, sys_days today) {
  const auto order = DecideCollection(due, "EUR", kSchedule, today);
  if (!order) return "nothing";
  std::string text = std::to_string(order->amount.minor_units()) + ":";
  for (const auto& step : order->steps) {
    text += " " + step.invoice.value() + "/" + std::to_string(step.step);
  }
  return text;
}

TEST(CollectionOrderTest, BeginsOnTheDueDayAndFollowsTheSchedule) {
  EXPECT_EQ(Decide({Due("a", 100, kDue)}, kDue - days(1)), "nothing");
  EXPECT_EQ(Decide({Due("a", 100, kDue)}, kDue), "100: a/0");
  EXPECT_EQ(Decide({Due("a", 100, kDue, 0)}, kDue), "nothing");
  EXPECT_EQ(Decide({Due("a", 100, kDue, 0)}, kDue + days(1)), "100: a/1");
  EXPECT_EQ(Decide({Due("a", 100, kDue, 1)}, kDue + days(6)), "nothing");
  EXPECT_EQ(Decide({Due("a", 100, kDue, 1)}, kDue + days(9)), "100: a/2");  // the job was late
  EXPECT_EQ(Decide({Due("a", 100, kDue, 3)}, kDue + days(300)), "nothing");
}

TEST(CollectionOrderTest, OneAttemptIsForAllThatIsDue) {
  const std::vector<DueInvoice> due = {Due("a", 100, kDue - days(3), 1), Due("b", 20, kDue),
                                       Due("later", 7, kDue + days(1))};
  EXPECT_EQ(Decide(due, kDue), "120: b/0");
}

TEST(CollectionOrderTest, LeavesOutOtherCurrenciesAndWhatIsPaid) {
  DueInvoice dollars = Due("a", 100, kDue);
  dollars.invoice.currency = "USD";
  DueInvoice paid = Due("b", 100, kDue);
  paid.invoice.settled = 100;
  EXPECT_EQ(Decide({dollars, paid}, kDue), "nothing");
}

TEST(PaymentMethodTest, WhatIsWrongIsNamed) {
  EXPECT_THAT(CheckPaymentMethod({AccountId("ann"), "tok_1"}), IsOk());
  EXPECT_THAT(CheckPaymentMethod({AccountId("a b"), "tok_1"}), HasMessage("account_id"));
  EXPECT_THAT(CheckPaymentMethod({AccountId("ann"), ""}), HasMessage("source is empty"));
  EXPECT_THAT(CheckPaymentMethod({AccountId("ann"), std::string(201, 'x')}), HasMessage("source"));
}

}  // namespace
}  // namespace holdfast::billing
