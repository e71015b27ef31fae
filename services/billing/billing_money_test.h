// Billing with money in it, and a calendar that a test turns.
#pragma once

#include <string>
#include <vector>

#include "services/billing/billing_fixture_test.h"
#include "services/billing/books_service.h"
#include "services/billing/convert.h"
#include "services/billing/convert_money.h"
#include "services/billing/jobs.h"
#include "services/billing/jobs_rentals.h"
#include "services/billing/payments_service.h"

namespace holdfast::billing {

constexpr sys_days Day(int year, unsigned month, unsigned day) {
  return std::chrono::year(year) / static_cast<int>(month) / static_cast<int>(day);
}

class MoneyTest : public ServiceTest {
 protected:
  MoneyTest() {
    GoTo(Day(2026, 1, 31));
    PutPackage("base");
    PutPackage("sport");
  }

  // -- The calendar --
  void GoTo(sys_days day) {
    const auto by = WallTime(day) + std::chrono::hours(12) - clock_.Now();
    if (by.count() > 0) {
      clock_.Advance(by);
    } else {
      clock_.JumpWall(by);
    }
  }
  void RunJobs() {
    EXPECT_THAT(renewals_.RunFor(Today(), Soon()), test::IsOk());
    EXPECT_THAT(expiry_.RunFor(Today(), Soon()), test::IsOk());
  }
  void LiveUntil(sys_days day) {
    while (Today() < day) {
      GoTo(Today() + std::chrono::days(1));
      RunJobs();
    }
  }

  // -- What is sold --
  static v1::TariffPlan Monthly(const std::string& id, std::int64_t price) {
    v1::TariffPlan plan;
    plan.set_tariff_plan_id(id);
    plan.set_name("Plan " + id);
    plan.add_package_ids("base");
    *plan.mutable_price() = ToProto(*holdfast::Money::Make(price, "EUR"));
    plan.set_period_days(1);
    plan.set_period_unit(v1::TariffPlan::PERIOD_UNIT_MONTHS);
    return plan;
  }
  absl::StatusOr<v1::TariffPlan> Put(const v1::TariffPlan& plan) {
    v1::PutTariffPlanRequest request;
    request.set_idempotency_key(NewKey());
    *request.mutable_tariff_plan() = plan;
    return service_.PutTariffPlan(Call(), request);
  }
  void PutTax(const std::string& region, int percent, bool inclusive = false) {
    v1::PutTaxRateRequest request;
    request.set_idempotency_key(NewKey());
    request.mutable_tax_rate()->set_region(region);
    request.mutable_tax_rate()->set_name("VAT");
    request.mutable_tax_rate()->set_parts_per_million(percent * 10'000);
    request.mutable_tax_rate()->set_inclusive(inclusive);
    EXPECT_THAT(service_.PutTaxRate(Call(), request), test::IsOk());
  }

  // -- Accounts and their money --
  void Open(const std::string& id, v1::Charging charging, const std::string& region = "") {
    v1::CreateAccountRequest request = NewAccount(id);
    request.set_charging(charging);
    request.set_currency("EUR");
    request.set_region(region);
    EXPECT_THAT(service_.CreateAccount(Call(), request), test::IsOk());
  }
  absl::StatusOr<v1::Payment> Pay(const std::string& account, std::int64_t amount,
                                  const std::string& reference = "") {
    v1::RecordPaymentRequest request;
    request.set_idempotency_key(NewKey());
    request.set_account_id(account);
    *request.mutable_amount() = ToProto(*holdfast::Money::Make(amount, "EUR"));
    request.set_method("bank");
    request.set_reference(reference);
    return payments_.RecordPayment(Call(), request);
  }
  absl::StatusOr<v1::Payment> Refund(const std::string& payment, std::int64_t amount) {
    v1::RefundPaymentRequest request;
    request.set_idempotency_key(NewKey());
    request.set_payment_id(payment);
    request.set_minor_units(amount);
    return payments_.RefundPayment(Call(), request);
  }
  absl::StatusOr<v1::CreditNote> Credit(const std::string& invoice) {
    v1::CreditInvoiceRequest request;
    request.set_idempotency_key(NewKey());
    request.set_invoice_id(invoice);
    request.set_reason("a complaint");
    return payments_.CreditInvoice(Call(), request);
  }
  absl::StatusOr<v1::Transfer> Adjust(const std::string& account, std::int64_t amount) {
    v1::AdjustRequest request;
    request.set_idempotency_key(NewKey());
    request.set_account_id(account);
    *request.mutable_amount() = ToProto(*holdfast::Money::Make(amount, "EUR"));
    request.set_promotion_id("goodwill");
    request.set_reason("test");
    return books_.Adjust(Call(), request);
  }
  absl::StatusOr<v1::Transfer> Hold(const std::string& account, std::int64_t amount,
                                    std::int64_t expires_in_seconds = 0) {
    v1::HoldRequest request;
    request.set_idempotency_key(NewKey());
    request.set_account_id(account);
    *request.mutable_amount() = ToProto(*holdfast::Money::Make(amount, "EUR"));
    request.set_revenue_id("vod");
    request.set_reason("a film");
    request.set_expires_in_seconds(expires_in_seconds);
    return books_.Hold(Call(), request);
  }
  absl::StatusOr<v1::Transfer> Release(const std::string& transfer) {
    v1::ReleaseHoldRequest request;
    request.set_idempotency_key(NewKey());
    request.set_transfer_id(transfer);
    return books_.ReleaseHold(Call(), request);
  }
  absl::StatusOr<v1::ReverseEntryResponse> Reverse(const std::string& entry) {
    v1::ReverseEntryRequest request;
    request.set_idempotency_key(NewKey());
    request.set_entry_id(entry);
    request.set_reason("a mistake");
    return books_.ReverseEntry(Call(), request);
  }
  std::int64_t Balance(const std::string& name) {
    const LedgerAccountId id = *LedgerAccountId::Parse(name);
    v1::ListBalancesRequest request;
    request.set_owner(id.owner);
    request.set_kind(std::string(NameOf(id.kind)));
    const auto answer = books_.ListBalances(Call(), request);
    for (const v1::Balance& balance : answer->balances()) {
      if (balance.ledger_account() == name) return balance.balance();
    }
    return 0;
  }
  std::int64_t Wallet(const std::string& account) { return Balance("wallet/" + account + "/EUR"); }
  std::vector<v1::Invoice> Invoices(const std::string& account) {
    v1::ListInvoicesRequest request;
    request.set_account_id(account);
    request.set_page_size(1000);
    const auto answer = payments_.ListInvoices(Call(), request);
    return {answer->invoices().begin(), answer->invoices().end()};
  }
  std::int64_t Owed(const std::string& account) {
    std::int64_t owed = 0;
    for (const v1::Invoice& invoice : Invoices(account)) owed += invoice.open();
    return owed;
  }
  // "2026-01-31..2026-02-28" of every line that pays for days, in the order of invoices.
  std::vector<std::string> ChargedDays(const std::string& account) {
    std::vector<std::string> days;
    for (const v1::Invoice& invoice : Invoices(account)) {
      for (const v1::InvoiceLine& line : invoice.lines()) {
        if (!line.from_day().empty()) days.push_back(line.from_day() + ".." + line.to_day());
      }
    }
    return days;
  }

  // -- Rentals --
  absl::StatusOr<v1::Package> PutSinglePackage(const std::string& id, std::int64_t price,
                                               std::chrono::seconds length) {
    v1::PutPackageRequest request;
    request.set_idempotency_key(NewKey());
    v1::Package& package = *request.mutable_package();
    package.set_package_id(id);
    package.set_name("Package " + id);
    package.set_service_type(v1::Package::SERVICE_TYPE_SINGLE);
    *package.add_rental_prices() = ToProto(*holdfast::Money::Make(price, "EUR"));
    package.set_rental_seconds(length.count());
    return service_.PutPackage(Call(), request);
  }
  v1::RentFilmRequest RentRequest(const std::string& account, const std::string& item,
                                  const std::string& package, std::int64_t price) {
    v1::RentFilmRequest request;
    request.set_idempotency_key(NewKey());
    request.set_account_id(account);
    request.set_item_id(item);
    request.set_package_id(package);
    *request.mutable_expected_price() = ToProto(*holdfast::Money::Make(price, "EUR"));
    return request;
  }
  absl::StatusOr<v1::RentFilmResponse> Rent(const std::string& account, const std::string& item,
                                            const std::string& package, std::int64_t price) {
    return service_.RentFilm(Call(), RentRequest(account, item, package, price));
  }

  // -- Subscriptions --
  absl::StatusOr<v1::Subscription> Buy(const std::string& account, const std::string& plan,
                                       const std::string& base = "", bool wait = false) {
    v1::StartSubscriptionRequest request;
    request.set_idempotency_key(NewKey());
    request.set_account_id(account);
    request.set_tariff_plan_id(plan);
    request.set_base_subscription_id(base);
    request.set_wait_for_payment(wait);
    return service_.StartSubscription(Call(), request);
  }
  absl::StatusOr<v1::Subscription> ChangeTo(const std::string& subscription,
                                            const std::string& plan, bool at_end = false,
                                            const std::string& on_day = "") {
    v1::ChangeSubscriptionRequest request;
    request.set_idempotency_key(NewKey());
    request.set_subscription_id(subscription);
    request.set_tariff_plan_id(plan);
    request.set_at_end_of_term(at_end);
    request.set_on_day(on_day);
    return service_.ChangeSubscription(Call(), request);
  }
  absl::StatusOr<v1::Subscription> Cancel(const std::string& subscription,
                                          v1::CancelSubscriptionRequest::When when,
                                          bool credit = false, const std::string& day = "") {
    v1::CancelSubscriptionRequest request;
    request.set_idempotency_key(NewKey());
    request.set_subscription_id(subscription);
    request.set_when(when);
    request.set_credit_unused(credit);
    request.set_on_day(day);
    return service_.CancelSubscription(Call(), request);
  }
  v1::Subscription Find(const std::string& account, const std::string& subscription) {
    v1::ListSubscriptionsRequest request;
    request.set_account_id(account);
    const auto answer = service_.ListSubscriptions(Call(), request);
    for (const v1::Subscription& s : answer->subscriptions()) {
      if (s.subscription_id() == subscription) return s;
    }
    ADD_FAILURE() << "no subscription " << subscription;
    return {};
  }
  static std::string PaidUntil(const v1::Subscription& s) {
    return ShowDay(
        std::chrono::floor<std::chrono::days>(FromEpochSeconds(s.valid_until().seconds())));
  }

  std::vector<std::string> WhatIsWrong() {
    std::vector<std::string> wrong;
    const auto report = books_.VerifyBooks(Call(), {});
    EXPECT_THAT(report, test::IsOk());
    for (const auto& problem : report->problems()) {
      wrong.push_back(problem.check() + ": " + problem.what());
    }
    return wrong;
  }

  absl::Status Sql(const std::string& script) { return pool_.Execute(Soon(), script); }

  BooksService books_{store_, metrics_, clock_};
  PaymentsService payments_{store_, entitlements_, clock_};
  RenewalJob renewals_{store_, metrics_, clock_, {}};
  ExpiryJob expiry_{store_, metrics_, clock_};
};

}  // namespace holdfast::billing
