// Random lives of a few accounts, with every command sent again now and then and the jobs run at
// odd times. Whatever happens, the books are right, nobody is charged twice for a day, and a
// repeated command answers what it answered.
#include <map>
#include <memory>
#include <set>

#include "services/billing/billing_money_test.h"

namespace holdfast::billing {
namespace {

using std::chrono::days;
using test::HasMessage;
using test::IsOk;
using testing::IsEmpty;
using C = v1::CancelSubscriptionRequest;

class HistoriesTest : public MoneyTest {
 protected:
  void SetUp() override {
    PutTax("de", 19);
    PutTax("fr", 20, true);
    ASSERT_THAT(Put(Monthly("basic", 999)), IsOk());
    ASSERT_THAT(Put(Monthly("gold", 1777)), IsOk());
    v1::TariffPlan ten_days = Monthly("ten-days", 350);
    ten_days.set_period_unit(v1::TariffPlan::PERIOD_UNIT_DAYS);
    ten_days.set_period_days(10);
    ten_days.set_trial_days(5);
    *ten_days.add_setup_fees() = ToProto(*holdfast::Money::Make(199, "EUR"));
    ASSERT_THAT(Put(ten_days), IsOk());
    v1::TariffPlan once = Monthly("once", 4000);
    once.set_period_days(0);
    ASSERT_THAT(Put(once), IsOk());
    v1::TariffPlan calendar = Monthly("calendar", 1500);
    calendar.set_calendar(true);
    ASSERT_THAT(Put(calendar), IsOk());
    v1::TariffPlan sport = Monthly("sport", 501);
    sport.set_add_on(true);
    ASSERT_THAT(Put(sport), IsOk());
    IssueCoupons();
    ASSERT_THAT(PutSinglePackage("cinema", 333, days(3)), IsOk());
    ASSERT_THAT(PutSinglePackage("free-cinema", 0, days(2)), IsOk());
    Open("pre-de", v1::CHARGING_PREPAID, "de");
    Open("pre-fr", v1::CHARGING_PREPAID, "fr");
    OpenForReseller("city");
    Open("post-de", v1::CHARGING_POSTPAID, "de");
    Open("post", v1::CHARGING_POSTPAID);
  }

  // Whose reseller pays, out of what it was funded with and a little credit.
  void OpenForReseller(const std::string& reseller) {
    v1::PutResellerRequest put;
    put.set_idempotency_key(NewKey());
    put.mutable_reseller()->set_reseller_id(reseller);
    put.mutable_reseller()->set_name(reseller);
    put.mutable_reseller()->set_currency("EUR");
    put.mutable_reseller()->set_credit(300);
    ASSERT_THAT(payments_.PutReseller(Call(), put), IsOk());
    v1::CreateAccountRequest account = NewAccount("of-" + reseller);
    account.set_charging(v1::CHARGING_PREPAID);
    account.set_currency("EUR");
    account.set_reseller_id(reseller);
    account.set_reseller_pays(true);
    ASSERT_THAT(service_.CreateAccount(Call(), account), IsOk());
  }
  void FundReseller() {
    v1::FundResellerRequest request;
    request.set_reseller_id("city");
    const auto amount = static_cast<std::int64_t>(1 + chance_->Below(4000));
    *request.mutable_amount() = ToProto(*holdfast::Money::Make(amount, "EUR"));
    (void)Send(payments_, &PaymentsService::FundReseller, request);
  }
  void ChargeBack() {
    v1::RecordChargebackRequest request;
    request.set_payment_id(AnyOf(paid_));
    request.set_minor_units(static_cast<std::int64_t>(chance_->Below(1500)));
    request.set_reason("chance");
    (void)Send(payments_, &PaymentsService::RecordChargeback, request);
  }
  void IssueCoupons() {
    v1::IssueCouponRequest request;
    v1::Coupon& coupon = *request.mutable_coupon();
    coupon.set_max_per_account(0);
    for (const std::string& id : coupons_) {
      request.set_idempotency_key(NewKey());
      coupon.set_coupon_id(id);
      coupon.clear_amount();
      coupon.clear_tariff_plan_ids();
      coupon.set_parts_per_million(id == "SEVENTH" ? 142'857 : id == "FREE" ? 1'000'000 : 0);
      coupon.set_duration(id == "SEVENTH" ? v1::Coupon::DURATION_FOREVER
                                          : v1::Coupon::DURATION_ONCE);
      if (id == "AMOUNT") {
        *coupon.mutable_amount() = ToProto(*holdfast::Money::Make(433, "EUR"));
        coupon.set_duration(v1::Coupon::DURATION_TERMS);
        coupon.set_max_redemptions(9);
      }
      coupon.set_terms(id == "AMOUNT" ? 3 : 0);
      if (id == "SEVENTH") coupon.add_tariff_plan_ids("gold");
      ASSERT_THAT(payments_.IssueCoupon(Call(), request), IsOk());
    }
  }

  const std::string& AnyAccount() { return accounts_[chance_->Below(accounts_.size())]; }
  std::string AnyPlan() { return plans_[chance_->Below(plans_.size())]; }
  std::string AnyOf(const std::vector<std::string>& known) {
    return known.empty() ? "none" : known[chance_->Below(known.size())];
  }

  // Sends a command, and sometimes at once again: it must answer the same bytes. Refusals that have
  // their reason are part of life; anything else is a failure.
  template <class Service, class Request, class Answer>
  absl::StatusOr<Answer> Send(Service& service,
                              absl::StatusOr<Answer> (Service::*method)(const rpc::Call&,
                                                                        const Request&),
                              Request request) {
    request.set_idempotency_key(NewKey());
    const absl::StatusOr<Answer> first = (service.*method)(Call(), request);
    if (first.ok() && chance_->Below(4) == 0) {
      const absl::StatusOr<Answer> again = (service.*method)(Call(), request);
      EXPECT_THAT(again, IsOk());
      if (again.ok()) {
        EXPECT_EQ(again->SerializeAsString(), first->SerializeAsString());
      }
    }
    if (!first.ok()) {
      EXPECT_THAT(first.status().code(),
                  testing::AnyOf(absl::StatusCode::kFailedPrecondition, absl::StatusCode::kNotFound,
                                 absl::StatusCode::kInvalidArgument))
          << ToString(first.status());
    }
    return first;
  }

  void Buy() {
    v1::StartSubscriptionRequest request;
    request.set_account_id(AnyAccount());
    const bool add_on = chance_->Below(4) == 0;
    request.set_tariff_plan_id(add_on ? "sport" : AnyPlan());
    if (add_on) request.set_base_subscription_id(AnyOf(subscriptions_));
    request.set_wait_for_payment(chance_->Below(2) == 0);
    if (chance_->Below(3) == 0) request.set_coupon_id(AnyOf(coupons_));
    const auto answer = Send(service_, &Service::StartSubscription, request);
    if (answer.ok()) subscriptions_.push_back(answer->subscription_id());
  }
  void Pay() {
    v1::RecordPaymentRequest request;
    request.set_account_id(AnyAccount());
    const auto amount = static_cast<std::int64_t>(1 + chance_->Below(3000));
    *request.mutable_amount() = ToProto(*holdfast::Money::Make(amount, "EUR"));
    request.set_method(chance_->Below(2) ? "cash" : "bank");
    const auto answer = Send(payments_, &PaymentsService::RecordPayment, request);
    if (answer.ok()) paid_.push_back(answer->payment_id());
  }
  void Refund() {
    v1::RefundPaymentRequest request;
    request.set_payment_id(AnyOf(paid_));
    request.set_minor_units(static_cast<std::int64_t>(chance_->Below(500)));
    (void)Send(payments_, &PaymentsService::RefundPayment, request);
  }
  void RedeemCoupon() {
    v1::RedeemCouponRequest request;
    request.set_subscription_id(AnyOf(subscriptions_));
    request.set_coupon_id(AnyOf(coupons_));
    request.set_replace(chance_->Below(2) == 0);
    (void)Send(payments_, &PaymentsService::RedeemCoupon, request);
  }
  // One of a few films, some for nothing, some at a price that nobody asks.
  void Rent() {
    v1::RentFilmRequest request;
    request.set_account_id(AnyAccount());
    const bool free = chance_->Below(4) == 0;
    request.set_item_id(fmt::format("film-{}", chance_->Below(3)));
    request.set_package_id(free ? "free-cinema" : "cinema");
    const std::int64_t price = free ? 0 : chance_->Below(8) == 0 ? 77 : 333;
    *request.mutable_expected_price() = ToProto(*holdfast::Money::Make(price, "EUR"));
    const auto answer = Send(service_, &Service::RentFilm, request);
    if (!answer.ok() || answer->already_rented()) return;
    EXPECT_TRUE(rented_.insert(answer->rental().rental_id()).second);
  }
  void Credit() {
    const std::vector<v1::Invoice> invoices = Invoices(AnyAccount());
    if (invoices.empty()) return;
    v1::CreditInvoiceRequest request;
    request.set_invoice_id(invoices[chance_->Below(invoices.size())].invoice_id());
    request.set_reason("chance");
    (void)Send(payments_, &PaymentsService::CreditInvoice, request);
  }
  void Void() {
    const std::vector<v1::Invoice> invoices = Invoices(AnyAccount());
    if (invoices.empty()) return;
    const v1::Invoice& any = invoices[chance_->Below(invoices.size())];
    v1::VoidInvoiceRequest request;
    request.set_invoice_id(any.invoice_id());
    request.set_reason("chance");
    const auto note = Send(payments_, &PaymentsService::VoidInvoice, request);
    EXPECT_EQ(note.ok(), any.settled() == 0 && any.open() > 0) << any.ShortDebugString();
  }
  void Change() {
    v1::ChangeSubscriptionRequest request;
    request.set_subscription_id(AnyOf(subscriptions_));
    request.set_tariff_plan_id(AnyPlan());
    const auto when = chance_->Below(4);
    if (when == 0) request.set_at_end_of_term(true);
    if (when == 1) request.set_on_day(ShowDay(Today() + days(1 + chance_->Below(20))));
    const auto foreseen = service_.PreviewChange(Call(), request);
    const Documents before = DocumentsOfAll();
    const auto changed = Send(service_, &Service::ChangeSubscription, request);
    EXPECT_EQ(foreseen.status(), changed.status());
    if (foreseen.ok() && changed.ok()) ExpectForeseen(*foreseen, *changed, before, when < 2);
  }

  // What stands in the books of everybody.
  struct Documents {
    std::map<std::uint64_t, v1::Invoice> invoices;
    std::map<std::string, v1::CreditNote> credit_notes;
  };
  Documents DocumentsOfAll() {
    Documents all;
    for (const std::string& account : accounts_) {
      for (v1::Invoice& invoice : Invoices(account)) all.invoices[invoice.number()] = invoice;
    }
    v1::ListCreditNotesRequest request;
    request.set_page_size(1000);
    do {
      const auto page = payments_.ListCreditNotes(Call(), request);
      EXPECT_THAT(page, IsOk());
      if (!page.ok()) break;
      for (const auto& note : page->credit_notes()) all.credit_notes[note.credit_note_id()] = note;
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    return all;
  }
  // A preview is to the letter what the change has written then, but for ids and numbers.
  void ExpectForeseen(const v1::PreviewChangeResponse& foreseen, const v1::Subscription& changed,
                      const Documents& before, bool later) {
    EXPECT_EQ(foreseen.subscription().DebugString(), changed.DebugString());
    Documents after = DocumentsOfAll();
    std::multiset<std::string> written, expected;
    for (auto& [number, invoice] : after.invoices) {
      if (before.invoices.contains(number)) continue;
      invoice.clear_invoice_id();
      invoice.clear_number();
      written.insert(invoice.DebugString());
    }
    for (auto& [id, note] : after.credit_notes) {
      if (before.credit_notes.contains(id)) continue;
      note.clear_credit_note_id();
      written.insert(note.DebugString());
    }
    std::int64_t cost = 0;
    for (const v1::Invoice& invoice : foreseen.invoices()) {
      expected.insert(invoice.DebugString());
      cost += invoice.net() + invoice.tax();
    }
    for (const v1::CreditNote& note : foreseen.credit_notes()) {
      expected.insert(note.DebugString());
      cost -= note.net() + note.tax();
    }
    EXPECT_EQ(foreseen.cost(), cost);
    if (later) expected.clear();  // written on its day
    EXPECT_EQ(written, expected);
    const std::string& account = changed.account_id();
    const v1::Entitlement now = EntitlementOf(account).value_or(v1::Entitlement());
    EXPECT_EQ(foreseen.available_after(), now.balance_minor_units());
    EXPECT_EQ(foreseen.owed_after(), now.owed_minor_units());
    foreseen_ += foreseen.invoices_size() + foreseen.credit_notes_size();
  }
  void Cancel() {
    v1::CancelSubscriptionRequest request;
    request.set_subscription_id(AnyOf(subscriptions_));
    request.set_when(static_cast<C::When>(1 + chance_->Below(3)));
    if (request.when() == C::WHEN_ON_DAY) {
      request.set_on_day(ShowDay(Today() + days(chance_->Below(40))));
    }
    request.set_credit_unused(chance_->Below(2) == 0);
    (void)Send(service_, &Service::CancelSubscription, request);
  }
  template <class Request, class Method>
  void Simply(Method method) {
    Request request;
    request.set_subscription_id(AnyOf(subscriptions_));
    (void)Send(service_, method, request);
  }
  void LiveOn() {
    GoTo(Today() + days(chance_->Below(8)));
    if (chance_->Below(2) == 0) {
      EXPECT_THAT(RentalExpiryJob(store_, clock_).Run(Soon()), IsOk());
    }
    if (chance_->Below(4) != 0) RunJobs();
  }

  void DoSomething() {
    switch (chance_->Below(22)) {
      case 0:
      case 1:
        return Buy();
      case 2:
      case 3:
      case 4:
        return Pay();
      case 5:
        return Refund();
      case 6:
        return Credit();
      case 7:
        return Change();
      case 8:
        return Cancel();
      case 9:
        return Simply<v1::PauseSubscriptionRequest>(&Service::PauseSubscription);
      case 10:
        return Simply<v1::ResumeSubscriptionRequest>(&Service::ResumeSubscription);
      case 11:
        return Simply<v1::SuspendSubscriptionRequest>(&Service::SuspendSubscription);
      case 12:
        return Simply<v1::RevokePlannedRequest>(&Service::RevokePlanned);
      case 13:
        return RedeemCoupon();
      case 14:
        return FundReseller();
      case 15:
        return ChargeBack();
      case 16:
        return Void();
      case 17:
        return Change();
      case 18:
        return Rent();
      default:
        return LiveOn();
    }
  }

  // No day of a subscription stands on two invoices, less what was credited.
  void ExpectNoDayIsChargedTwice() {
    const auto rows = pool_.Query(Soon(), R"sql(
      SELECT a.subscription_id FROM subscription_term a JOIN subscription_term b
        ON a.subscription_id = b.subscription_id AND a.from_day < b.from_day
       WHERE NOT a.void AND NOT b.void AND a.to_day > b.from_day)sql");
    EXPECT_EQ(rows->rows(), 0);
  }
  // Who has service of something that is charged holds a term for today, a trial or a grace.
  void ExpectEntitlementsFollowTheBooks() {
    const auto rows = pool_.Query(Soon(), R"sql(
      SELECT s.subscription_id FROM subscription s
       WHERE s.charging <> 'elsewhere' AND s.state = 'active' AND s.valid_until IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM subscription_term t
                          WHERE t.subscription_id = s.subscription_id AND NOT t.void
                            AND t.to_day = s.valid_until))sql");
    ASSERT_THAT(rows, IsOk());
    EXPECT_EQ(rows->rows(), 0) << (rows->rows() ? rows->Text(0, 0) : "");
  }
  // Each rental was made by one command, and what runs is in the entitlement.
  void ExpectRentalsAreThoseOfCommands() {
    const auto rows = pool_.Query(Soon(), "SELECT rental_id FROM rental");
    ASSERT_THAT(rows, IsOk());
    EXPECT_EQ(rows->rows(), static_cast<int>(rented_.size()));
    for (int row = 0; row < rows->rows(); ++row) {
      EXPECT_TRUE(rented_.contains(std::string(rows->Text(row, 0)))) << rows->Text(row, 0);
    }
    ASSERT_THAT(RentalExpiryJob(store_, clock_).Run(Soon()), IsOk());
    for (const std::string& account : accounts_) {
      std::set<std::string> told, running;
      const auto facts = store_.FindFacts(Soon(), {AccountId(account)});
      ASSERT_THAT(facts, IsOk());
      for (const auto& rental : facts->front().rentals) told.insert(rental.item.value());
      const auto rentals = store_.ListRentals(Soon(), {.account = account});
      ASSERT_THAT(rentals, IsOk());
      for (const Rental& rental : *rentals) {
        if (clock_.Now() < rental.until) running.insert(rental.item.value());
      }
      EXPECT_EQ(told, running) << account;
    }
  }
  // Only what is sold without an end is served without one.
  void ExpectNothingIsFreeForEver() {
    const auto rows = pool_.Query(Soon(), R"sql(
      SELECT s.subscription_id FROM subscription s JOIN tariff_plan p USING (tariff_plan_id)
       WHERE s.charging <> 'elsewhere' AND s.state IN ('active', 'grace', 'trialing')
         AND s.valid_until IS NULL AND p.period_days <> 0)sql");
    ASSERT_THAT(rows, IsOk());
    EXPECT_EQ(rows->rows(), 0);
  }

  // Every step of every subscription, seen by the database itself.
  void RecordTransitions() {
    ASSERT_THAT(pool_.Execute(Soon(), R"sql(
      CREATE TABLE seen_transition (before text, after text, PRIMARY KEY (before, after));
      CREATE FUNCTION record_transition() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF OLD.state <> NEW.state THEN
          INSERT INTO seen_transition VALUES (OLD.state, NEW.state) ON CONFLICT DO NOTHING;
        END IF;
        RETURN NEW;
      END $$;
      CREATE TRIGGER record_transition AFTER UPDATE ON subscription
        FOR EACH ROW EXECUTE FUNCTION record_transition())sql"),
                IsOk());
  }
  // Those that domain/subscription.h draws, of what we charge.
  void ExpectOnlyListedTransitions() {
    static const std::set<std::pair<std::string, std::string>> kListed = {
        {"pending_activation", "active"},
        {"pending_activation", "expired"},
        {"pending_activation", "cancelled"},
        {"trialing", "active"},
        {"trialing", "grace"},
        {"trialing", "suspended"},
        {"trialing", "paused"},
        {"trialing", "cancelled"},
        {"active", "grace"},
        {"active", "suspended"},
        {"active", "paused"},
        {"active", "cancelled"},
        {"grace", "active"},
        {"grace", "suspended"},
        {"grace", "cancelled"},
        {"suspended", "active"},
        {"suspended", "trialing"},
        {"suspended", "pending_activation"},
        {"suspended", "cancelled"},
        {"suspended", "expired"},
        {"paused", "active"},
        {"paused", "trialing"},
        {"paused", "cancelled"}};
    const auto rows = pool_.Query(Soon(), "SELECT before, after FROM seen_transition");
    ASSERT_THAT(rows, IsOk());
    for (int row = 0; row < rows->rows(); ++row) {
      const std::pair<std::string, std::string> seen(rows->Text(row, 0), rows->Text(row, 1));
      EXPECT_TRUE(kListed.contains(seen)) << seen.first << " -> " << seen.second;
    }
    EXPECT_GT(rows->rows(), 5);
  }

  std::unique_ptr<SeededRandom> chance_ = std::make_unique<SeededRandom>(1);
  const std::vector<std::string> accounts_ = {"pre-de", "pre-fr", "of-city", "post-de", "post"};
  const std::vector<std::string> coupons_ = {"SEVENTH", "AMOUNT", "FREE"};
  const std::vector<std::string> plans_ = {"basic", "gold", "ten-days", "calendar", "once"};
  std::vector<std::string> subscriptions_;
  std::vector<std::string> paid_;
  int foreseen_ = 0;  // documents
  std::set<std::string> rented_;
};

class SeededHistoriesTest : public HistoriesTest, public testing::WithParamInterface<int> {};

TEST_P(SeededHistoriesTest, LeavesTheBooksRight) {
  // The first two always, the third by chance.
  const std::uint64_t seed = GetParam() < 2 ? static_cast<std::uint64_t>(GetParam()) : NewSeed();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  chance_ = std::make_unique<SeededRandom>(seed);
  RecordTransitions();
  for (int step = 0; step < 250; ++step) {
    DoSomething();
    ASSERT_FALSE(HasFailure()) << "step " << step;
    if (step % 25 == 0) {
      ASSERT_THAT(WhatIsWrong(), IsEmpty()) << "step " << step;
    }
  }
  RunJobs();
  EXPECT_THAT(WhatIsWrong(), IsEmpty());
  ExpectNoDayIsChargedTwice();
  ExpectEntitlementsFollowTheBooks();
  ExpectNothingIsFreeForEver();
  ExpectRentalsAreThoseOfCommands();
  ExpectOnlyListedTransitions();
  const auto parked = store_.CountParked(Soon());
  ASSERT_THAT(parked, IsOk());
  EXPECT_EQ(*parked, 0);
  for (const std::string& account : accounts_) EXPECT_GE(Wallet(account), 0);
  const bool by_chance = GetParam() >= 2;
  EXPECT_TRUE(by_chance || foreseen_ > 0) << "no change of plan moved money";
}

INSTANTIATE_TEST_SUITE_P(Seeds, SeededHistoriesTest, testing::Range(0, 3));

}  // namespace
}  // namespace holdfast::billing
