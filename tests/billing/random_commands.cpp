#include "tests/billing/random_commands.h"

#include <thread>
#include <utility>

#include "libs/base/status.h"

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;
namespace v1 = billing::v1;

constexpr char kBilling[] = "holdfast.billing.v1.Billing/";
constexpr char kBooks[] = "holdfast.billing.v1.Books/";
constexpr char kPayments[] = "holdfast.billing.v1.Payments/";

constexpr int kLiveSubscriptions = 3;  // of an account at most, so that a day stays cheap
constexpr int kAddOns = 6;             // of an account at most
const std::vector<std::string> kPlans = {"daily", "weekly", "monthly", "big", "try", "calm"};
const std::vector<std::string> kAddOnPlans = {"kick", "extra"};

void SetEuros(std::int64_t minor_units, v1::Money& money) {
  money.set_minor_units(minor_units);
  money.set_currency("EUR");
}

// A refusal that has its reason.
bool PartOfLife(const absl::Status& status) {
  return absl::IsFailedPrecondition(status) || absl::IsNotFound(status) ||
         absl::IsInvalidArgument(status);
}

void SetKey(std::string key, google::protobuf::Message& request) {
  const auto* field = request.GetDescriptor()->FindFieldByName("idempotency_key");
  request.GetReflection()->SetString(&request, field, std::move(key));
}

template <class Request>
std::shared_ptr<Request> Make() {
  return std::make_shared<Request>();
}

}  // namespace

RandomCommands::RandomCommands(const World& world, std::uint64_t seed, BillingCaller& caller)
    : world_(world), random_(seed), caller_(caller) {
  absl::MutexLock lock(&mutex_);
  for (const auto& [account, subscription] : world_.given) {
    subscriptions_.push_back(subscription);
    owners_[subscription] = account;
  }
}

const std::string& RandomCommands::AnyOf(const std::vector<std::string>& known) {
  static const std::string kNone = "none";
  return known.empty() ? kNone : known[Below(known.size())];
}

void RandomCommands::DoOne(Deadline deadline) {
  const std::uint64_t what = Below(100);
  if (what < 12) return SendAgain(deadline);
  if (what < 15) return MisuseKey(deadline);
  if (what < 16) LookForInvoices();
  Sent* command = nullptr;
  {
    absl::MutexLock lock(&mutex_);
    Draft draft = MakeUp();
    Sent made{.key = fmt::format("{}-{}", run_, sent_.size()), .method = std::move(draft.method)};
    SetKey(made.key, *draft.request);
    // Texts that lead from what was written back to its command.
    if (auto* payment = dynamic_cast<v1::RecordPaymentRequest*>(draft.request.get())) {
      payment->set_reference(made.key);
    } else if (auto* adjust = dynamic_cast<v1::AdjustRequest*>(draft.request.get())) {
      adjust->set_reason(made.key);
    } else if (auto* hold = dynamic_cast<v1::HoldRequest*>(draft.request.get())) {
      hold->set_reason(made.key);
    } else if (auto* credit = dynamic_cast<v1::CreditInvoiceRequest*>(draft.request.get())) {
      credit->set_reason(made.key);
    } else if (auto* reverse = dynamic_cast<v1::ReverseEntryRequest*>(draft.request.get())) {
      reverse->set_reason(made.key);
    }
    made.request = std::move(draft.request);
    made.impatient = Below(100) < 8;
    sent_.push_back(std::move(made));
    ++counts_.commands;
    command = &sent_.back();
  }
  Send(*command, deadline);
  // The network may deliver one command twice, to two instances, at the same time.
  if (!command->impatient && Below(100) < 5) {
    std::thread twin([&] { Send(*command, deadline); });
    Send(*command, deadline);
    twin.join();
  }
}

RandomCommands::Draft RandomCommands::MakeUp() {
  const std::uint64_t what = Below(100);
  if (what < 12) return MakeUpCorrection();
  if (what < 20) return MakeUpRental();
  return what < 67 ? MakeUpMoney() : MakeUpSubscription();
}

// What takes back, and what other people's money does.
RandomCommands::Draft RandomCommands::MakeUpCorrection() {
  const std::uint64_t what = Below(100);
  if (what < 25) {
    auto request = Make<v1::CreditInvoiceRequest>();
    request->set_invoice_id(AnyOf(invoices_));
    return {std::string(kPayments) + "CreditInvoice", request};
  }
  if (what < 45) {
    auto request = Make<v1::RecordChargebackRequest>();
    request->set_payment_id(AnyOf(payments_));
    request->set_minor_units(Amount(400));
    request->set_reason("a stolen card");
    return {std::string(kPayments) + "RecordChargeback", request};
  }
  if (what < 65) {
    auto request = Make<v1::ReverseEntryRequest>();
    request->set_entry_id(AnyOf(adjustments_));
    return {std::string(kBooks) + "ReverseEntry", request};
  }
  if (what < 80 && !world_.coupons.empty()) {
    auto request = Make<v1::RedeemCouponRequest>();
    request->set_subscription_id(AnyOf(subscriptions_));
    request->set_coupon_id(AnyOf(world_.coupons));
    request->set_replace(Below(2) == 0);
    return {std::string(kPayments) + "RedeemCoupon", request};
  }
  if (what < 88) {
    auto request = Make<v1::FundResellerRequest>();
    request->set_reseller_id("hotel");
    SetEuros(Amount(3000), *request->mutable_amount());
    return {std::string(kPayments) + "FundReseller", request};
  }
  auto request = Make<v1::TopUpFromResellerRequest>();
  request->set_reseller_id("city");
  request->set_account_id(AnyOf(world_.resold));
  SetEuros(Amount(900), *request->mutable_amount());
  return {std::string(kPayments) + "TopUpFromReseller", request};
}

// Few items and short rentals: many ask for what runs already, and for what has just ended.
RandomCommands::Draft RandomCommands::MakeUpRental() {
  auto request = Make<v1::RentFilmRequest>();
  request->set_account_id(AnyOf(world_.accounts));
  request->set_item_id(fmt::format("film-{}", Below(4)));
  request->set_package_id("cinema");
  SetEuros(Below(10) == 0 ? World::kRentalPrice + 1 : World::kRentalPrice,
           *request->mutable_expected_price());
  return {std::string(kBilling) + "RentFilm", request};
}

RandomCommands::Draft RandomCommands::MakeUpMoney() {
  const std::uint64_t what = Below(100);
  if (what < 45) {
    auto request = Make<v1::RecordPaymentRequest>();
    request->set_account_id(AnyOf(world_.accounts));
    SetEuros(Amount(4000), *request->mutable_amount());
    request->set_method(Below(2) != 0 ? "cash" : "bank");
    return {std::string(kPayments) + "RecordPayment", request};
  }
  if (what < 60) {
    auto request = Make<v1::AdjustRequest>();
    request->set_account_id(AnyOf(world_.accounts));
    SetEuros(Amount(300) - 150, *request->mutable_amount());
    if (request->amount().minor_units() == 0) SetEuros(1, *request->mutable_amount());
    request->set_promotion_id("goodwill");
    return {std::string(kBooks) + "Adjust", request};
  }
  if (what < 70) {
    auto request = Make<v1::HoldRequest>();
    request->set_account_id(AnyOf(world_.accounts));
    SetEuros(Amount(400), *request->mutable_amount());
    request->set_revenue_id("vod");
    return {std::string(kBooks) + "Hold", request};
  }
  if (what < 76) {
    auto request = Make<v1::CaptureHoldRequest>();
    request->set_transfer_id(AnyOf(holds_));
    return {std::string(kBooks) + "CaptureHold", request};
  }
  if (what < 82) {
    auto request = Make<v1::ReleaseHoldRequest>();
    request->set_transfer_id(AnyOf(holds_));
    return {std::string(kBooks) + "ReleaseHold", request};
  }
  if (what < 92 || world_.vouchers.empty()) {
    auto request = Make<v1::RefundPaymentRequest>();
    request->set_payment_id(AnyOf(payments_));
    request->set_minor_units(Amount(400));
    return {std::string(kPayments) + "RefundPayment", request};
  }
  auto request = Make<v1::RedeemVoucherRequest>();
  request->set_account_id(AnyOf(world_.accounts));
  request->set_code(AnyOf(world_.vouchers));
  return {std::string(kPayments) + "RedeemVoucher", request};
}

RandomCommands::Draft RandomCommands::MakeUpStart() {
  auto request = Make<v1::StartSubscriptionRequest>();
  request->set_account_id(AnyOf(world_.accounts));
  request->set_tariff_plan_id(AnyOf(kPlans));
  request->set_wait_for_payment(Below(2) != 0);
  if (!world_.coupons.empty() && Below(3) == 0) request->set_coupon_id(AnyOf(world_.coupons));
  return {std::string(kBilling) + "StartSubscription", request};
}

// On a base that may not be one of its own.
RandomCommands::Draft RandomCommands::MakeUpAddOn() {
  auto request = Make<v1::StartSubscriptionRequest>();
  const std::string& base = AnyOf(subscriptions_);
  request->set_account_id(owners_[base]);
  request->set_base_subscription_id(base);
  request->set_tariff_plan_id(AnyOf(kAddOnPlans));
  request->set_wait_for_payment(Below(2) != 0);
  return {std::string(kBilling) + "StartSubscription", request};
}

RandomCommands::Draft RandomCommands::MakeUpSubscription() {
  const std::uint64_t what = Below(100);
  if (what < 20) {
    Draft draft = MakeUpStart();
    const auto& start = static_cast<const v1::StartSubscriptionRequest&>(*draft.request);
    if (started_[start.account_id()] < kLiveSubscriptions) return draft;
  } else if (what < 32 && !subscriptions_.empty()) {
    Draft draft = MakeUpAddOn();
    const auto& start = static_cast<const v1::StartSubscriptionRequest&>(*draft.request);
    if (add_ons_[start.account_id()] < kAddOns) return draft;
  }
  if (what < 45) {
    auto request = Make<v1::RenewSubscriptionRequest>();
    request->set_subscription_id(AnyOf(world_.elsewhere));
    return {std::string(kBilling) + "RenewSubscription", request};
  }
  if (what < 65) {
    auto request = Make<v1::ChangeSubscriptionRequest>();
    request->set_subscription_id(AnyOf(subscriptions_));
    request->set_tariff_plan_id(AnyOf(kPlans));
    request->set_at_end_of_term(Below(4) == 0);
    return {std::string(kBilling) + "ChangeSubscription", request};
  }
  if (what < 73) {
    auto request = Make<v1::CancelSubscriptionRequest>();
    request->set_subscription_id(AnyOf(subscriptions_));
    request->set_when(Below(3) == 0 ? v1::CancelSubscriptionRequest::WHEN_END_OF_TERM
                                    : v1::CancelSubscriptionRequest::WHEN_IMMEDIATELY);
    request->set_credit_unused(Below(2) == 0);
    return {std::string(kBilling) + "CancelSubscription", request};
  }
  if (what < 82) {
    auto request = Make<v1::PauseSubscriptionRequest>();
    request->set_subscription_id(AnyOf(subscriptions_));
    return {std::string(kBilling) + "PauseSubscription", request};
  }
  if (what < 94) {
    auto request = Make<v1::ResumeSubscriptionRequest>();
    request->set_subscription_id(AnyOf(subscriptions_));
    return {std::string(kBilling) + "ResumeSubscription", request};
  }
  auto request = Make<v1::SuspendSubscriptionRequest>();
  request->set_subscription_id(AnyOf(subscriptions_));
  return {std::string(kBilling) + "SuspendSubscription", request};
}

void RandomCommands::Send(Sent& command, Deadline deadline) {
  const auto patience = std::chrono::milliseconds(2 + Below(150));
  const absl::StatusOr<std::string> answer =
      command.impatient ? caller_.Ask(command.method, *command.request, patience)
                        : caller_.AskUntilAnswered(command.method, *command.request, deadline);
  absl::MutexLock lock(&mutex_);
  Learn(command, answer);
}

// Which invoices there are to be credited: commands do not tell.
void RandomCommands::LookForInvoices() {
  v1::ListInvoicesRequest request;
  request.set_account_id(AnyOf(world_.accounts));
  const auto bytes = caller_.Ask(std::string(kPayments) + "ListInvoices", request, 1s);
  v1::ListInvoicesResponse found;
  if (!bytes.ok() || !found.ParseFromString(*bytes)) return;
  absl::MutexLock lock(&mutex_);
  for (const v1::Invoice& invoice : found.invoices()) invoices_.push_back(invoice.invoice_id());
}

// A late repetition: anything that was ever sent and not given up.
void RandomCommands::SendAgain(Deadline deadline) {
  Sent* command = nullptr;
  {
    absl::MutexLock lock(&mutex_);
    if (sent_.empty()) return;
    command = &sent_[Below(sent_.size())];
    if (command->impatient || command->times == 0) return;
    ++counts_.repetitions;
  }
  Send(*command, deadline);
}

void RandomCommands::MisuseKey(Deadline deadline) {
  Sent original;
  {
    absl::MutexLock lock(&mutex_);
    if (sent_.empty()) return;
    original = sent_[Below(sent_.size())];
    if (!original.acknowledged) return;
    ++counts_.misuses;
  }
  v1::AdjustRequest other;
  other.set_idempotency_key(original.key);
  other.set_account_id(AnyOf(world_.accounts));
  SetEuros(7777, *other.mutable_amount());
  other.set_promotion_id("misuse");
  other.set_reason("misuse");
  const absl::StatusOr<std::string> answer =
      caller_.AskUntilAnswered(std::string(kBooks) + "Adjust", other, deadline);
  if (absl::IsAlreadyExists(answer.status()) || MustRepeat(answer.status())) return;
  absl::MutexLock lock(&mutex_);
  Complain(fmt::format("key {} of {} was taken for another command: {}", original.key,
                       original.method, ToString(answer.status())));
}

void RandomCommands::Learn(Sent& command, const absl::StatusOr<std::string>& answer) {
  ++command.times;
  if (answer.ok()) {
    if (command.acknowledged && command.answer != *answer) {
      Complain(fmt::format("{} {} was answered in two ways", command.method, command.key));
    }
    if (command.acknowledged) return;
    command.acknowledged = true;
    command.answer = *answer;
    ++counts_.acknowledged;
    LearnIds(command);
    return;
  }
  if (PartOfLife(answer.status())) {
    if (command.acknowledged) {
      Complain(fmt::format("{} {} was acknowledged and then refused: {}", command.method,
                           command.key, ToString(answer.status())));
    }
    if (!command.refused) ++counts_.refused;
    command.refused = true;
    return;
  }
  if (MustRepeat(answer.status())) {
    ++counts_.given_up;
    return;
  }
  Complain(fmt::format("{} {}: {}", command.method, command.key, ToString(answer.status())));
}

void RandomCommands::LearnIds(const Sent& command) {
  const google::protobuf::Message& request = *command.request;
  if (dynamic_cast<const v1::RecordPaymentRequest*>(&request) != nullptr) {
    v1::Payment payment;
    if (payment.ParseFromString(command.answer)) payments_.push_back(payment.payment_id());
  } else if (dynamic_cast<const v1::AdjustRequest*>(&request) != nullptr) {
    v1::Transfer given;
    if (given.ParseFromString(command.answer)) adjustments_.push_back(given.entry_id());
  } else if (dynamic_cast<const v1::HoldRequest*>(&request) != nullptr) {
    v1::Transfer held;
    if (held.ParseFromString(command.answer)) holds_.push_back(held.transfer_id());
  } else if (dynamic_cast<const v1::StartSubscriptionRequest*>(&request) != nullptr) {
    v1::Subscription started;
    if (!started.ParseFromString(command.answer)) return;
    subscriptions_.push_back(started.subscription_id());
    owners_[started.subscription_id()] = started.account_id();
    ++(started.base_subscription_id().empty() ? started_ : add_ons_)[started.account_id()];
  } else if (dynamic_cast<const v1::CancelSubscriptionRequest*>(&request) != nullptr) {
    v1::Subscription ended;
    if (!ended.ParseFromString(command.answer)) return;
    const bool is_base = ended.base_subscription_id().empty();
    if (is_base && ended.state() == v1::Subscription::STATE_CANCELLED) {
      --started_[ended.account_id()];
    }
    std::erase(subscriptions_, ended.subscription_id());
  }
}

RandomCommands::Counts RandomCommands::counts() const {
  absl::MutexLock lock(&mutex_);
  return counts_;
}

std::vector<std::string> RandomCommands::complaints() const {
  absl::MutexLock lock(&mutex_);
  return complaints_;
}

}  // namespace holdfast::test
