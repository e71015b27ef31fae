#include "services/middleware/billing_words.h"

#include "libs/base/money.h"
#include "libs/base/status.h"
#include "libs/rpc/error_info.h"

namespace holdfast::middleware {
namespace {

namespace bv1 = billing::v1;

constexpr char kBillingDomain[] = "billing.holdfast";
constexpr std::string_view kAskProvider = "This is not possible. Please contact your provider.";

// "12.34 EUR"; empty: nothing is owed.
std::string DebtOf(const bv1::Entitlement& entitlement) {
  if (entitlement.owed_minor_units() <= 0) return "";
  const auto owed = Money::Make(entitlement.owed_minor_units(), entitlement.currency());
  if (!owed.ok()) return "";
  return owed->ToString();
}

std::string WithDebt(std::string_view before, const bv1::Entitlement& entitlement) {
  const std::string debt = DebtOf(entitlement);
  if (debt.empty()) return std::string(before);
  if (entitlement.due_on().empty()) return fmt::format("{} {} to pay.", before, debt);
  return fmt::format("{} {} to pay, due on {}.", before, debt, entitlement.due_on());
}

}  // namespace

std::optional<bv1::RefusalReason> RefusalOf(const absl::Status& status) {
  const std::optional<rpc::ErrorReason> said = rpc::ReasonOf(status);
  bv1::RefusalReason reason = bv1::REFUSAL_REASON_UNSPECIFIED;
  if (!said || said->domain != kBillingDomain || !bv1::RefusalReason_Parse(said->reason, &reason) ||
      reason == bv1::REFUSAL_REASON_UNSPECIFIED) {
    return std::nullopt;
  }
  return reason;
}

std::string_view SentenceOf(bv1::RefusalReason reason) {
  switch (reason) {
    case bv1::INSUFFICIENT_FUNDS:
      return "There is not enough money on the account.";
    case bv1::NO_PRICE:
      return "This is not sold in the currency of the account.";
    case bv1::WRONG_CURRENCY:
      return "This is not for accounts in your currency.";
    case bv1::ALREADY_PAID:
      return "This payment was received before.";
    case bv1::ALREADY_CHARGED:
    case bv1::ALREADY_CREDITED:
    case bv1::ALREADY_RESOLVED:
    case bv1::ALREADY_REVERSED:
      return "This was done before.";
    case bv1::NO_GATEWAY:
      return "Payments cannot be made here. Please contact your provider.";
    case bv1::BASE_NOT_ALLOWED:
      return "This package cannot be added to your tariff plan.";
    case bv1::ADD_ON_NOT_ALLOWED:
      return "One of your packages cannot stay with that tariff plan.";
    case bv1::ADD_ON_FOLLOWS_BASE:
      return "This package follows your tariff plan and cannot be changed by itself.";
    case bv1::NOT_IN_SERVICE:
      return "Your subscription is not active.";
    case bv1::SUBSCRIPTION_ENDED:
    case bv1::PERIOD_OVER:
      return "Your subscription has ended.";
    case bv1::SUBSCRIPTION_SUSPENDED:
      return "Your subscription is blocked.";
    case bv1::SUBSCRIPTION_PAUSED:
      return "Your subscription is paused.";
    case bv1::SUBSCRIPTION_IN_SERVICE:
      return "Your subscription is active already.";
    case bv1::NOT_YET_PAID:
      return "Your subscription begins with its first payment.";
    case bv1::UNPAID:
      return "Your subscription is not paid. It begins again when the payment has come.";
    case bv1::CHANGE_PLANNED:
      return "Another change of your subscription waits for its day.";
    case bv1::NOTHING_PLANNED:
      return "No change is waiting.";
    case bv1::ALREADY_CANCELLED:
      return "Your subscription is cancelled already.";
    case bv1::ACCOUNT_CLOSED:
      return "Your account is closed.";
    case bv1::LOGIN_TAKEN:
      return "This login is taken.";
    case bv1::VOUCHER_USED:
      return "This voucher has been used.";
    case bv1::VOUCHER_EXPIRED:
      return "This voucher has expired.";
    case bv1::VOUCHER_CANCELLED:
      return "This voucher is not valid any more.";
    case bv1::COUPON_WITHDRAWN:
    case bv1::COUPON_EXPIRED:
      return "This coupon is not valid any more.";
    case bv1::COUPON_NOT_VALID_YET:
      return "This coupon is not valid yet.";
    case bv1::COUPON_USED_UP:
      return "This coupon has been used up.";
    case bv1::COUPON_USED_BY_ACCOUNT:
      return "You have used this coupon before.";
    case bv1::COUPON_FOR_NEW_CUSTOMERS:
      return "This coupon is for new subscribers.";
    case bv1::NOT_FOR_RENT:
      return "This is not for rent.";
    case bv1::PRICE_CHANGED:
      return "The price has changed. Please look at it again.";
    case bv1::NOT_CHARGED_BY_US:
      return "This cannot be bought here. Please contact your provider.";
    case bv1::COUPON_NOT_FOR_PLAN:
      return "This coupon is not for your subscription.";
    case bv1::COUPON_IN_PLACE:
      return "Your subscription has another coupon.";
    // What an operator does, not a viewer.
    case bv1::REFUND_TOO_LARGE:
    case bv1::CHARGEBACK_TOO_LARGE:
    case bv1::BELONGS_TO_DOCUMENT:
    case bv1::NOT_PENDING:
    case bv1::NOT_POSTED:
    case bv1::NOT_EXPIRED:
    case bv1::WRONG_AMOUNT:
    case bv1::NO_REFERENCE:
    case bv1::REFERENCE_TAKEN:
    case bv1::NOT_ITS_PAYMENT:
    case bv1::NOT_OPEN:
    case bv1::BY_HAND_NEEDED:
    case bv1::INVOICE_PAID:
    case bv1::NOT_SENT:
    case bv1::NOT_PARKED:
    case bv1::CHARGED_BY_US:
    case bv1::OPEN_ENDED:
    case bv1::SUBSCRIPTIONS_LEFT:
    case bv1::INVOICES_OPEN:
    case bv1::ACCOUNT_EXISTS:
    case bv1::PACKAGE_UNKNOWN:
    case bv1::PACKAGE_IN_PLAN:
    case bv1::PACKAGE_IS_SINGLE:
    case bv1::KEY_REUSED:
    case bv1::BATCH_EXISTS:
    case bv1::COUPON_EXISTS:
    case bv1::RESELLER_IS_FULL:
    case bv1::NOT_ITS_ACCOUNT:
    case bv1::CREDIT_IN_USE:
    case bv1::NOT_A_TREE:
    default:
      break;
  }
  return kAskProvider;
}

std::string NoticeOf(const bv1::Entitlement& entitlement) {
  switch (entitlement.reason()) {
    case bv1::Entitlement::REASON_PAYMENT_LATE:
      return WithDebt("Your payment is late. Please pay soon to keep your service.", entitlement);
    case bv1::Entitlement::REASON_UNPAID:
      return WithDebt("Your account is blocked because it is not paid.", entitlement);
    case bv1::Entitlement::REASON_SUSPENDED:
      return WithDebt("Your account is blocked.", entitlement);
    case bv1::Entitlement::REASON_PAUSED:
      return "Your subscription is paused.";
    case bv1::Entitlement::REASON_AWAITING_PAYMENT:
      return WithDebt("Your subscription begins with its first payment.", entitlement);
    case bv1::Entitlement::REASON_EXPIRED:
      return WithDebt("Your subscription has ended because it was not renewed.", entitlement);
    case bv1::Entitlement::REASON_CANCELLED:
      return WithDebt("Your subscription was cancelled.", entitlement);
    case bv1::Entitlement::REASON_NO_SUBSCRIPTION:
      return "There is no subscription on your account.";
    case bv1::Entitlement::REASON_CLOSED:
      return WithDebt("Your account is closed.", entitlement);
    default:
      return "";
  }
}

}  // namespace holdfast::middleware
