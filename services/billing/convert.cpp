#include "services/billing/convert.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "google/protobuf/util/json_util.h"
#include "libs/base/random.h"
#include "libs/base/status.h"
#include "services/billing/convert_money.h"
#include "services/billing/paging.h"

namespace holdfast::billing {
namespace {

constexpr std::size_t kLongestSearch = 200;

v1::Subscription::State ToProto(Subscription::State state) {
  switch (state) {
    case Subscription::State::kActive:
      return v1::Subscription::STATE_ACTIVE;
    case Subscription::State::kGrace:
      return v1::Subscription::STATE_GRACE;
    case Subscription::State::kSuspended:
      return v1::Subscription::STATE_SUSPENDED;
    case Subscription::State::kCancelled:
      return v1::Subscription::STATE_CANCELLED;
    case Subscription::State::kExpired:
      return v1::Subscription::STATE_EXPIRED;
    case Subscription::State::kPendingActivation:
      return v1::Subscription::STATE_PENDING_ACTIVATION;
    case Subscription::State::kTrialing:
      return v1::Subscription::STATE_TRIALING;
    case Subscription::State::kPaused:
      return v1::Subscription::STATE_PAUSED;
  }
  return v1::Subscription::STATE_UNSPECIFIED;
}

v1::Charging ToProto(Charging charging) {
  switch (charging) {
    case Charging::kElsewhere:
      return v1::CHARGING_ELSEWHERE;
    case Charging::kPrepaid:
      return v1::CHARGING_PREPAID;
    case Charging::kPostpaid:
      return v1::CHARGING_POSTPAID;
  }
  return v1::CHARGING_ELSEWHERE;
}

}  // namespace

absl::StatusOr<Charging> ParseCharging(v1::Charging charging) {
  switch (charging) {
    case v1::CHARGING_ELSEWHERE:
      return Charging::kElsewhere;
    case v1::CHARGING_PREPAID:
      return Charging::kPrepaid;
    case v1::CHARGING_POSTPAID:
      return Charging::kPostpaid;
    default:
      return InvalidArgument("charging {} is unknown", static_cast<int>(charging));
  }
}

namespace {

absl::StatusOr<Period::Unit> ParseUnit(v1::TariffPlan::PeriodUnit unit) {
  switch (unit) {
    case v1::TariffPlan::PERIOD_UNIT_DAYS:
      return Period::Unit::kDays;
    case v1::TariffPlan::PERIOD_UNIT_MONTHS:
      return Period::Unit::kMonths;
    case v1::TariffPlan::PERIOD_UNIT_YEARS:
      return Period::Unit::kYears;
    default:
      return InvalidArgument("period_unit {} is unknown", static_cast<int>(unit));
  }
}

v1::Entitlement::Status ToProto(Entitlement::Standing standing) {
  switch (standing) {
    case Entitlement::Standing::kActive:
      return v1::Entitlement::STATUS_ACTIVE;
    case Entitlement::Standing::kGrace:
      return v1::Entitlement::STATUS_GRACE;
    case Entitlement::Standing::kSuspended:
      return v1::Entitlement::STATUS_SUSPENDED;
    case Entitlement::Standing::kClosed:
      return v1::Entitlement::STATUS_CLOSED;
  }
  return v1::Entitlement::STATUS_UNSPECIFIED;
}

v1::Entitlement::Reason ToProto(Entitlement::Reason reason) {
  switch (reason) {
    case Entitlement::Reason::kNone:
      return v1::Entitlement::REASON_UNSPECIFIED;
    case Entitlement::Reason::kPaymentLate:
      return v1::Entitlement::REASON_PAYMENT_LATE;
    case Entitlement::Reason::kUnpaid:
      return v1::Entitlement::REASON_UNPAID;
    case Entitlement::Reason::kSuspended:
      return v1::Entitlement::REASON_SUSPENDED;
    case Entitlement::Reason::kPaused:
      return v1::Entitlement::REASON_PAUSED;
    case Entitlement::Reason::kAwaitingPayment:
      return v1::Entitlement::REASON_AWAITING_PAYMENT;
    case Entitlement::Reason::kExpired:
      return v1::Entitlement::REASON_EXPIRED;
    case Entitlement::Reason::kCancelled:
      return v1::Entitlement::REASON_CANCELLED;
    case Entitlement::Reason::kNoSubscription:
      return v1::Entitlement::REASON_NO_SUBSCRIPTION;
    case Entitlement::Reason::kClosed:
      return v1::Entitlement::REASON_CLOSED;
  }
  return v1::Entitlement::REASON_UNSPECIFIED;
}

}  // namespace

void SetTime(WallTime time, google::protobuf::Timestamp& out) {
  const std::int64_t seconds = EpochSeconds(time);
  out.set_seconds(seconds);
  const auto rest = time - FromEpochSeconds(seconds);
  out.set_nanos(static_cast<std::int32_t>(std::chrono::nanoseconds(rest).count()));
}

v1::Money ToProto(const Money& money) {
  v1::Money out;
  out.set_minor_units(money.minor_units());
  out.set_currency(money.currency());
  return out;
}

v1::Account ToProto(const Account& account) {
  v1::Account out;
  out.set_account_id(account.id.value());
  out.set_login(account.login);
  out.set_account_number(account.number);
  out.set_full_name(account.full_name);
  out.set_phone(account.phone);
  out.set_state(account.state == Account::State::kOpen ? v1::Account::STATE_OPEN
                                                       : v1::Account::STATE_CLOSED);
  SetTime(account.created_at, *out.mutable_created_at());
  out.set_charging(ToProto(account.charging));
  out.set_currency(account.currency);
  out.set_region(account.region);
  if (account.charging != Charging::kElsewhere) {
    out.set_payment_days(static_cast<std::int32_t>(account.payment_days.count()));
  }
  out.set_reseller_id(account.reseller.value());
  out.set_reseller_pays(account.reseller_pays);
  if (account.parked_since) {
    SetTime(*account.parked_since, *out.mutable_parked_since());
    out.set_parked_why(account.parked_why);
  }
  return out;
}

v1::Package ToProto(const Package& package) {
  v1::Package out;
  out.set_package_id(package.id.value());
  out.set_name(package.name);
  if (package.service_type == Package::ServiceType::kSingle) {
    out.set_service_type(v1::Package::SERVICE_TYPE_SINGLE);
  }
  for (const Money& price : package.rental_prices) *out.add_rental_prices() = ToProto(price);
  out.set_rental_seconds(package.rental_length.count());
  return out;
}

v1::TariffPlan ToProto(const TariffPlan& plan) {
  v1::TariffPlan out;
  out.set_tariff_plan_id(plan.id.value());
  out.set_name(plan.name);
  for (const PackageId& package : plan.packages) out.add_package_ids(package.value());
  *out.mutable_price() = ToProto(plan.price);
  out.set_period_days(plan.period.count);
  out.set_period_unit(static_cast<v1::TariffPlan::PeriodUnit>(plan.period.unit));
  out.set_max_streams(plan.max_streams);
  out.set_max_devices(plan.max_devices);
  out.set_grace_days(static_cast<std::int32_t>(plan.grace.count()));
  out.set_calendar(plan.alignment == Alignment::kCalendar);
  out.set_trial_days(static_cast<std::int32_t>(plan.trial.count()));
  for (const DatedPrice& price : plan.prices) {
    v1::DatedPrice& added = *out.add_prices();
    *added.mutable_amount() = ToProto(price.amount);
    added.set_valid_from(ShowDay(price.valid_from));
  }
  for (const Money& fee : plan.setup_fees) *out.add_setup_fees() = ToProto(fee);
  out.set_add_on(plan.add_on);
  for (const TariffPlanId& base : plan.allowed_bases) out.add_allowed_bases(base.value());
  out.set_version(plan.version);
  return out;
}

v1::Subscription ToProto(const Subscription& subscription) {
  v1::Subscription out;
  out.set_subscription_id(subscription.id.value());
  out.set_account_id(subscription.account.value());
  out.set_tariff_plan_id(subscription.plan.value());
  out.set_state(ToProto(subscription.state));
  if (subscription.valid_until) SetTime(*subscription.valid_until, *out.mutable_valid_until());
  SetTime(subscription.started_at, *out.mutable_started_at());
  out.set_cancel_at_end(subscription.cancel_at_end);
  out.set_revision(subscription.revision);
  out.set_plan_version(subscription.plan_version);
  out.set_charging(ToProto(subscription.charging));
  out.set_currency(subscription.currency);
  if (subscription.base) out.set_base_subscription_id(subscription.base->value());
  if (subscription.cancel_on) out.set_cancel_on(ShowDay(*subscription.cancel_on));
  if (subscription.change) {
    out.set_change_plan_id(subscription.change->plan.value());
    if (subscription.change->on) out.set_change_on(ShowDay(*subscription.change->on));
  }
  out.set_suspended_by(subscription.suspended_by);
  return out;
}

v1::Entitlement ToProto(const Entitlement& entitlement) {
  v1::Entitlement out;
  out.set_account_id(entitlement.account.value());
  out.set_revision(entitlement.revision);
  out.set_status(ToProto(entitlement.standing));
  for (const PackageId& package : entitlement.packages) out.add_package_ids(package.value());
  out.set_max_streams(entitlement.max_streams);
  out.set_max_devices(entitlement.max_devices);
  if (entitlement.valid_until) SetTime(*entitlement.valid_until, *out.mutable_valid_until());
  if (entitlement.grace_until) SetTime(*entitlement.grace_until, *out.mutable_grace_until());
  out.set_account_number(entitlement.account_number);
  out.set_full_name(entitlement.full_name);
  out.set_phone(entitlement.phone);
  out.set_tariff_plan_name(entitlement.tariff_plan_name);
  out.set_balance_minor_units(entitlement.balance);
  out.set_currency(entitlement.currency);
  out.set_reason(ToProto(entitlement.reason));
  out.set_owed_minor_units(entitlement.owed);
  if (entitlement.due_on) out.set_due_on(ShowDay(*entitlement.due_on));
  for (const Facts::RunningRental& rental : entitlement.rentals) {
    v1::RunningRental& added = *out.add_rentals();
    added.set_item_id(rental.item.value());
    SetTime(rental.until, *added.mutable_until());
  }
  return out;
}

absl::StatusOr<Account> ParseAccount(const v1::CreateAccountRequest& request, WallTime now) {
  Account wanted;
  wanted.id = AccountId(request.account_id().empty() ? SecureHex(8) : request.account_id());
  wanted.login = request.login();
  wanted.number = request.account_number();
  wanted.full_name = request.full_name();
  wanted.phone = request.phone();
  HOLDFAST_ASSIGN_OR_RETURN(wanted.charging, ParseCharging(request.charging()));
  wanted.currency = request.currency();
  wanted.region = request.region();
  if (request.has_payment_days()) wanted.payment_days = std::chrono::days(request.payment_days());
  wanted.reseller = ResellerId(request.reseller_id());
  wanted.reseller_pays = request.reseller_pays();
  if (!request.login().empty() || !request.password().empty()) {
    HOLDFAST_RETURN_IF_ERROR(CheckLogin(request.login()));
    HOLDFAST_RETURN_IF_ERROR(CheckNewPassword(request.password()));
  }
  return OpenAccount(std::move(wanted), now);
}

absl::StatusOr<AccountFilter> ParseFilter(const v1::ListAccountsRequest& request) {
  AccountFilter filter;
  HOLDFAST_RETURN_IF_ERROR(CheckText("search", request.search(), kLongestSearch));
  filter.search = request.search();
  if (request.state() == v1::Account::STATE_OPEN) filter.state = Account::State::kOpen;
  if (request.state() == v1::Account::STATE_CLOSED) filter.state = Account::State::kClosed;
  HOLDFAST_ASSIGN_OR_RETURN(filter.limit, ParsePageSize(request.page_size()));
  HOLDFAST_ASSIGN_OR_RETURN(const std::string after, ParseToken(request.page_token()));
  if (!after.empty() && !CheckId("account id", after).ok()) {
    return InvalidArgument("page_token is not one of ours");
  }
  filter.after = AccountId(after);
  return filter;
}

absl::StatusOr<Money> ParseMoney(std::string_view what, const v1::Money& money) {
  absl::StatusOr<Money> parsed = Money::Make(money.minor_units(), money.currency());
  if (!parsed.ok()) return Annotate(parsed.status(), what);
  if (parsed->negative()) return InvalidArgument("{} is negative", what);
  return parsed;
}

absl::StatusOr<Package> ParsePackage(const v1::Package& package) {
  Package parsed{PackageId(package.package_id()), package.name()};
  switch (package.service_type()) {
    case v1::Package::SERVICE_TYPE_PERIODIC:
      break;
    case v1::Package::SERVICE_TYPE_SINGLE:
      parsed.service_type = Package::ServiceType::kSingle;
      break;
    default:
      return InvalidArgument("service_type {} is unknown",
                             static_cast<int>(package.service_type()));
  }
  for (const v1::Money& price : package.rental_prices()) {
    HOLDFAST_ASSIGN_OR_RETURN(Money parsed_price, ParseMoney("rental_prices", price));
    parsed.rental_prices.push_back(std::move(parsed_price));
  }
  parsed.rental_length = std::chrono::seconds(package.rental_seconds());
  HOLDFAST_RETURN_IF_ERROR(CheckPackage(parsed));
  return parsed;
}

absl::StatusOr<TariffPlan> ParsePlan(const v1::TariffPlan& plan) {
  TariffPlan parsed;
  parsed.id = TariffPlanId(plan.tariff_plan_id());
  parsed.name = plan.name();
  for (const std::string& package : plan.package_ids()) parsed.packages.emplace_back(package);
  HOLDFAST_ASSIGN_OR_RETURN(parsed.price,
                            Money::Make(plan.price().minor_units(), plan.price().currency()));
  HOLDFAST_ASSIGN_OR_RETURN(parsed.period.unit, ParseUnit(plan.period_unit()));
  parsed.period.count = plan.period_days();
  parsed.max_streams = plan.max_streams();
  parsed.max_devices = plan.max_devices();
  if (plan.has_grace_days()) parsed.grace = std::chrono::days(plan.grace_days());
  parsed.alignment = plan.calendar() ? Alignment::kCalendar : Alignment::kAnniversary;
  parsed.trial = std::chrono::days(plan.trial_days());
  for (const v1::DatedPrice& price : plan.prices()) {
    HOLDFAST_ASSIGN_OR_RETURN(Money amount, ParseMoney("price", price.amount()));
    HOLDFAST_ASSIGN_OR_RETURN(const sys_days from, ParseDay("valid_from", price.valid_from()));
    parsed.prices.push_back({std::move(amount), from});
  }
  for (const v1::Money& fee : plan.setup_fees()) {
    HOLDFAST_ASSIGN_OR_RETURN(Money amount, ParseMoney("setup fee", fee));
    parsed.setup_fees.push_back(std::move(amount));
  }
  parsed.add_on = plan.add_on();
  for (const std::string& base : plan.allowed_bases()) parsed.allowed_bases.emplace_back(base);
  HOLDFAST_RETURN_IF_ERROR(CheckTariffPlan(parsed));
  return parsed;
}

absl::StatusOr<std::optional<sys_days>> ParseValidUntil(
    const v1::StartSubscriptionRequest& request) {
  if (!request.has_valid_until()) return std::optional<sys_days>();
  const std::int64_t seconds = request.valid_until().seconds();
  constexpr std::int64_t kYear2000 = 946'684'800;
  constexpr std::int64_t kYear2200 = 7'258'118'400;
  if (seconds < kYear2000 || seconds >= kYear2200) {
    return InvalidArgument("valid_until is not in the years 2000 to 2199");
  }
  return std::optional(std::chrono::floor<std::chrono::days>(FromEpochSeconds(seconds)));
}

absl::StatusOr<PlannedChange> ParseChange(const v1::ChangeSubscriptionRequest& request) {
  PlannedChange change{.plan = TariffPlanId(request.tariff_plan_id())};
  if (request.on_day().empty()) return change;
  if (request.at_end_of_term())
    return InvalidArgument("on_day and at_end_of_term exclude each other");
  HOLDFAST_ASSIGN_OR_RETURN(change.on, ParseDay("on_day", request.on_day()));
  return change;
}

CancelWhen ParseWhen(v1::CancelSubscriptionRequest::When when) {
  return when == v1::CancelSubscriptionRequest::WHEN_END_OF_TERM ? CancelWhen::kEndOfTerm
                                                                 : CancelWhen::kImmediately;
}

namespace {

// A text field of the message, or of a message in it; nothing: there is none of that name.
std::optional<std::string> FindText(const google::protobuf::Message& message, const char* name) {
  using Field = google::protobuf::FieldDescriptor;
  const google::protobuf::Descriptor& type = *message.GetDescriptor();
  const google::protobuf::Reflection& fields = *message.GetReflection();
  const Field* field = type.FindFieldByName(name);
  if (field != nullptr && !field->is_repeated() && field->cpp_type() == Field::CPPTYPE_STRING) {
    return fields.GetString(message, field);
  }
  for (int i = 0; i < type.field_count(); ++i) {
    const Field& inner = *type.field(i);
    if (inner.cpp_type() != Field::CPPTYPE_MESSAGE || inner.is_repeated()) continue;
    if (!fields.HasField(message, &inner)) continue;
    std::optional<std::string> found = FindText(fields.GetMessage(message, &inner), name);
    if (found) return found;
  }
  return std::nullopt;
}

// What must not be read in the audit log: all of a password, all but the end of a voucher's code.
void Mask(google::protobuf::Message& message) {
  const google::protobuf::Descriptor& type = *message.GetDescriptor();
  const google::protobuf::Reflection& fields = *message.GetReflection();
  for (const auto& [name, shown] :
       {std::pair("password", std::size_t{0}), std::pair("code", std::size_t{4})}) {
    const auto* field = type.FindFieldByName(name);
    if (field == nullptr) continue;
    const std::string text = fields.GetString(message, field);
    if (text.empty()) continue;
    const std::size_t from = text.size() - std::min(shown, text.size() / 2);
    fields.SetString(&message, field, "***" + text.substr(from));
  }
}

}  // namespace

// The first of these that it has, also if that is empty: an account that is to be created without
// an id is not about its reseller.
std::string SubjectOf(const google::protobuf::Message& message) {
  for (const char* name :
       {"subscription_id", "account_id", "invoice_id", "payment_id", "transfer_id", "entry_id",
        "batch_id", "coupon_id", "reseller_id", "tariff_plan_id", "package_id", "region"}) {
    if (std::optional<std::string> found = FindText(message, name)) return *std::move(found);
  }
  return "";
}

void Describe(const google::protobuf::Message& request, Command& command) {
  const std::unique_ptr<google::protobuf::Message> shown(request.New());
  shown->CopyFrom(request);
  Mask(*shown);
  const google::protobuf::Descriptor& type = *request.GetDescriptor();
  command.subject = SubjectOf(request);
  command.method = std::string(type.name());
  if (command.method.ends_with("Request")) command.method.resize(command.method.size() - 7);
  // It has no field that JSON cannot hold: an error would leave the text empty.
  (void)google::protobuf::util::MessageToJsonString(*shown, &command.shown);
}

}  // namespace holdfast::billing
