// Films and the like, rented one by one: charged once, told at once, over on time.
#include <gmock/gmock.h>

#include <map>
#include <thread>

#include "libs/testing/eventually.h"
#include "services/billing/billing_money_test.h"
#include "services/billing/refusal.h"
#include "services/billing/snapshot.h"

namespace holdfast::billing {
namespace {

using namespace std::chrono_literals;
using test::HasCode;
using test::HasMessage;
using test::IsOk;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class RentalsTest : public MoneyTest {
 protected:
  void SetUp() override {
    ASSERT_THAT(PutSinglePackage("cinema", 300, 48h), IsOk());
    Open("ann", v1::CHARGING_PREPAID, "de");
    PutTax("de", 19);
  }
  // Not through the gate, which may be closed.
  void TearDown() override {
    storage::PgOptions straight = options_;
    straight.hosts = "127.0.0.1:" + std::to_string(server_.port());
    telemetry::Metrics registry;
    storage::PgPool pool(straight, registry);
    const auto report = PgStore(pool).VerifyBooks(Soon());
    ASSERT_THAT(report, IsOk());
    for (const BooksReport::Problem& problem : report->problems) {
      ADD_FAILURE() << problem.check << ": " << problem.what;
    }
  }

  std::int64_t Now() { return EpochSeconds(clock_.Now()); }
  // "film-1 until 172800", in seconds from now.
  std::vector<std::string> Told(const std::string& account) {
    std::vector<std::string> told;
    const auto entitlement = EntitlementOf(account);
    EXPECT_THAT(entitlement, IsOk());
    for (const v1::RunningRental& rental : entitlement->rentals()) {
      told.push_back(
          fmt::format("{} until {}", rental.item_id(), rental.until().seconds() - Now()));
    }
    return told;
  }
  std::string Refusal(const absl::Status& status) {
    const auto reason = RefusalOf(status);
    return reason ? WordOf(*reason) : ToString(status);
  }
  std::string RefusalOfRenting(const std::string& account, const std::string& package = "cinema",
                               std::int64_t price = 300) {
    const auto rented = Rent(account, "film-1", package, price);
    return rented.ok() ? "rented" : Refusal(rented.status());
  }
  std::vector<v1::Rental> Rentals(v1::ListRentalsRequest request = {}) {
    const auto answer = service_.ListRentals(Call(), request);
    EXPECT_THAT(answer, IsOk());
    return {answer->rentals().begin(), answer->rentals().end()};
  }
  void EndWhatIsOver() { ASSERT_THAT(RentalExpiryJob(store_, clock_).Run(Soon()), IsOk()); }
};

TEST_F(RentalsTest, OneIsPaidFromTheWalletWithItsTaxAndToldAtOnce) {
  ASSERT_THAT(Pay("ann", 1000), IsOk());
  v1::RentFilmRequest request = RentRequest("ann", "film-1", "cinema", 300);
  request.set_item_name("Ice Station");
  ASSERT_OK_AND_ASSIGN(const v1::RentFilmResponse answer, service_.RentFilm(Call(), request));
  const v1::Rental& rental = answer.rental();
  EXPECT_FALSE(answer.already_rented());
  EXPECT_EQ(rental.from().seconds(), Now());
  EXPECT_EQ(rental.until().seconds(), Now() + 48 * 3600);
  EXPECT_EQ(rental.price().minor_units(), 300);

  EXPECT_EQ(Wallet("ann"), 1000 - 357);
  EXPECT_EQ(Balance("revenue/cinema/EUR"), 300);
  EXPECT_EQ(Balance("tax/de/EUR"), 57);
  ASSERT_EQ(Invoices("ann").size(), 1u);
  const v1::Invoice invoice = Invoices("ann").front();
  EXPECT_EQ(invoice.invoice_id(), rental.invoice_id());
  EXPECT_EQ(invoice.open(), 0);
  EXPECT_EQ(invoice.lines(0).text(), "Rental: Ice Station");
  EXPECT_THAT(Told("ann"), ElementsAre("film-1 until 172800"));
}

TEST_F(RentalsTest, WhatRunsIsNotChargedAgainWhateverIsAsked) {
  ASSERT_THAT(Pay("ann", 1000), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::RentFilmResponse first, Rent("ann", "film-1", "cinema", 300));
  clock_.Advance(47h);
  ASSERT_THAT(PutSinglePackage("cinema", 400, 24h), IsOk());
  for (const std::int64_t price : {300, 400}) {
    ASSERT_OK_AND_ASSIGN(const v1::RentFilmResponse again, Rent("ann", "film-1", "cinema", price));
    EXPECT_TRUE(again.already_rented());
    EXPECT_EQ(again.rental().SerializeAsString(), first.rental().SerializeAsString());
  }
  EXPECT_EQ(Invoices("ann").size(), 1u);
}

TEST_F(RentalsTest, ARepeatedCommandIsAnsweredAsBeforeAlsoWhenTheRentalIsOver) {
  ASSERT_THAT(Pay("ann", 1000), IsOk());
  const v1::RentFilmRequest request = RentRequest("ann", "film-1", "cinema", 300);
  ASSERT_OK_AND_ASSIGN(const v1::RentFilmResponse first, service_.RentFilm(Call(), request));
  clock_.Advance(72h);
  EndWhatIsOver();
  ASSERT_OK_AND_ASSIGN(const v1::RentFilmResponse again, service_.RentFilm(Call(), request));
  EXPECT_EQ(again.SerializeAsString(), first.SerializeAsString());
  EXPECT_EQ(Invoices("ann").size(), 1u);
}

TEST_F(RentalsTest, TwoWhoRentAtOncePayOnce) {
  ASSERT_THAT(Pay("ann", 1000), IsOk());
  const v1::RentFilmRequest requests[] = {RentRequest("ann", "film-1", "cinema", 300),
                                          RentRequest("ann", "film-1", "cinema", 300)};
  const rpc::Call calls[] = {Call(), Call()};
  std::optional<absl::StatusOr<v1::RentFilmResponse>> answers[2];
  std::thread other([&] { answers[1] = service_.RentFilm(calls[1], requests[1]); });
  answers[0] = service_.RentFilm(calls[0], requests[0]);
  other.join();
  ASSERT_THAT(*answers[0], IsOk());
  ASSERT_THAT(*answers[1], IsOk());
  EXPECT_NE((*answers[0])->already_rented(), (*answers[1])->already_rented());
  EXPECT_EQ((*answers[0])->rental().rental_id(), (*answers[1])->rental().rental_id());
  EXPECT_EQ(Invoices("ann").size(), 1u);
}

TEST_F(RentalsTest, WhenItIsOverItIsForRentAgain) {
  ASSERT_THAT(Pay("ann", 1000), IsOk());
  ASSERT_THAT(Rent("ann", "film-1", "cinema", 300), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::Entitlement before, EntitlementOf("ann"));
  clock_.Advance(48h - 1s);
  EndWhatIsOver();
  EXPECT_THAT(Told("ann"), ElementsAre("film-1 until 1"));
  clock_.Advance(1s);
  // Nobody has to wait for the job.
  ASSERT_OK_AND_ASSIGN(const v1::RentFilmResponse again, Rent("ann", "film-1", "cinema", 300));
  EXPECT_FALSE(again.already_rented());
  EXPECT_EQ(Invoices("ann").size(), 2u);
  EXPECT_THAT(Told("ann"), ElementsAre("film-1 until 172800"));

  clock_.Advance(48h);
  EndWhatIsOver();
  entitlements_.Refresh(AccountId("ann"), Soon());  // as the feed does
  EXPECT_THAT(Told("ann"), IsEmpty());
  ASSERT_OK_AND_ASSIGN(const v1::Entitlement after, EntitlementOf("ann"));
  EXPECT_GT(after.revision(), before.revision());
}

// Another instance's clock, a little ahead, ended it.
TEST_F(RentalsTest, TheNextOneDoesNotBeginBeforeTheLastHasEnded) {
  ASSERT_THAT(Pay("ann", 1000), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::RentFilmResponse first, Rent("ann", "film-1", "cinema", 300));
  clock_.Advance(48h);
  EndWhatIsOver();
  clock_.JumpWall(-2min);
  ASSERT_OK_AND_ASSIGN(const v1::RentFilmResponse second, Rent("ann", "film-1", "cinema", 300));
  EXPECT_EQ(second.rental().from().seconds(), first.rental().until().seconds());
}

TEST_F(RentalsTest, WhatIsFreeNeedsNoMoneyAndHasNoInvoice) {
  ASSERT_THAT(PutSinglePackage("gift", 0, 24h), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::RentFilmResponse answer, Rent("ann", "film-1", "gift", 0));
  EXPECT_EQ(answer.rental().invoice_id(), "");
  EXPECT_THAT(Invoices("ann"), IsEmpty());
  EXPECT_THAT(Told("ann"), ElementsAre("film-1 until 86400"));
}

TEST_F(RentalsTest, WithoutTheMoneyNothingIsRented) {
  ASSERT_THAT(Pay("ann", 356), IsOk());  // the tax is missing
  EXPECT_EQ(RefusalOfRenting("ann"), "insufficient_funds");
  EXPECT_EQ(Wallet("ann"), 356);
  EXPECT_THAT(Invoices("ann"), IsEmpty());
  EXPECT_THAT(Told("ann"), IsEmpty());
  ASSERT_THAT(Pay("ann", 1), IsOk());
  EXPECT_EQ(RefusalOfRenting("ann"), "rented");
}

TEST_F(RentalsTest, WhoPaysLaterGetsAnInvoiceAndRentsNothingMoreWhenItIsOverdue) {
  Open("bob", v1::CHARGING_POSTPAID);
  EXPECT_EQ(RefusalOfRenting("bob"), "rented");
  EXPECT_EQ(Owed("bob"), 300);
  GoTo(Today() + std::chrono::days(14));
  EXPECT_EQ(RefusalOfRenting("bob"), "rented");  // on the due day
  GoTo(Today() + std::chrono::days(3));
  EXPECT_EQ(RefusalOfRenting("bob"), "unpaid");
  ASSERT_THAT(Pay("bob", 600), IsOk());
  EXPECT_EQ(RefusalOfRenting("bob"), "rented");
}

TEST_F(RentalsTest, ARefusalSaysWhy) {
  ASSERT_THAT(Pay("ann", 1000), IsOk());
  EXPECT_EQ(RefusalOfRenting("ann", "cinema", 299), "price_changed");
  EXPECT_EQ(RefusalOfRenting("ann", "base"), "not_for_rent");
  EXPECT_THAT(Rent("ann", "film-1", "nothing", 300), HasMessage("package nothing"));
  EXPECT_THAT(Rent("nobody", "film-1", "cinema", 300), HasCode(absl::StatusCode::kNotFound));

  v1::CreateAccountRequest dollars = NewAccount("dee");
  dollars.set_charging(v1::CHARGING_POSTPAID);
  dollars.set_currency("USD");
  ASSERT_THAT(service_.CreateAccount(Call(), dollars), IsOk());
  EXPECT_EQ(RefusalOfRenting("dee"), "no_price");
  CreateAccount("else");
  EXPECT_EQ(RefusalOfRenting("else"), "not_charged_by_us");

  ASSERT_THAT(Put(Monthly("basic", 100)), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::Subscription bought, Buy("ann", "basic"));
  ASSERT_THAT(
      Ask<v1::PauseSubscriptionRequest>(&Service::PauseSubscription, bought.subscription_id()),
      IsOk());
  EXPECT_EQ(RefusalOfRenting("ann"), "subscription_paused");
  ASSERT_THAT(
      Ask<v1::ResumeSubscriptionRequest>(&Service::ResumeSubscription, bought.subscription_id()),
      IsOk());
  ASSERT_THAT(
      Ask<v1::SuspendSubscriptionRequest>(&Service::SuspendSubscription, bought.subscription_id()),
      IsOk());
  EXPECT_EQ(RefusalOfRenting("ann"), "subscription_suspended");
  v1::CloseAccountRequest close;
  close.set_idempotency_key(NewKey());
  close.set_account_id("ann");
  ASSERT_THAT(service_.CloseAccount(Call(), close), IsOk());
  EXPECT_EQ(RefusalOfRenting("ann"), "account_closed");
  EXPECT_THAT(Rentals(), IsEmpty());
}

TEST_F(RentalsTest, ARequestOfTheWrongFormIsToldItsField) {
  const auto refused = [&](auto change, const char* field) {
    v1::RentFilmRequest request = RentRequest("ann", "film-1", "cinema", 300);
    change(request);
    EXPECT_THAT(service_.RentFilm(Call(), request),
                testing::AllOf(HasCode(absl::StatusCode::kInvalidArgument), HasMessage(field)));
  };
  refused([](auto& r) { r.set_account_id(""); }, "account_id");
  refused([](auto& r) { r.set_item_id("film 1"); }, "item_id");
  refused([](auto& r) { r.set_package_id("a/b"); }, "package_id");
  refused([](auto& r) { r.set_item_name("a\nb"); }, "item_name");
  refused([](auto& r) { r.clear_expected_price(); }, "expected_price");
  refused([](auto& r) { r.mutable_expected_price()->set_currency("euro"); }, "expected_price");
  refused([](auto& r) { r.clear_idempotency_key(); }, "idempotency_key");
}

// -- Packages -------------------------------------------------------------------------------------

TEST_F(RentalsTest, APackageSaysWhatItsItemsCostAndForHowLong) {
  const auto answer = service_.ListPackages(Call(), {});
  ASSERT_THAT(answer, IsOk());
  std::map<std::string, v1::Package> packages;
  for (const v1::Package& package : answer->packages()) packages[package.package_id()] = package;
  EXPECT_EQ(packages["cinema"].service_type(), v1::Package::SERVICE_TYPE_SINGLE);
  EXPECT_EQ(packages["cinema"].rental_prices(0).minor_units(), 300);
  EXPECT_EQ(packages["cinema"].rental_seconds(), 48 * 3600);
  EXPECT_EQ(packages["base"].service_type(), v1::Package::SERVICE_TYPE_PERIODIC);
  EXPECT_EQ(packages["base"].rental_prices_size(), 0);
}

TEST_F(RentalsTest, APackageOfTheWrongFormIsToldItsField) {
  const auto refused = [&](auto change, const char* field) {
    v1::PutPackageRequest request;
    request.set_idempotency_key(NewKey());
    v1::Package& package = *request.mutable_package();
    package.set_package_id("cinema");
    package.set_name("Cinema");
    package.set_service_type(v1::Package::SERVICE_TYPE_SINGLE);
    package.add_rental_prices()->set_minor_units(1);
    package.mutable_rental_prices(0)->set_currency("EUR");
    package.set_rental_seconds(60);
    change(package);
    EXPECT_THAT(service_.PutPackage(Call(), request),
                testing::AllOf(HasCode(absl::StatusCode::kInvalidArgument), HasMessage(field)));
  };
  refused([](auto& p) { p.clear_rental_prices(); }, "rental_prices");
  refused([](auto& p) { p.mutable_rental_prices(0)->set_minor_units(-1); }, "rental_prices");
  refused([](auto& p) { *p.add_rental_prices() = p.rental_prices(0); }, "two rental_prices in EUR");
  refused([](auto& p) { p.set_rental_seconds(59); }, "rental_seconds");
  refused([](auto& p) { p.set_rental_seconds(366 * 86400 + 1); }, "rental_seconds");
  refused([](auto& p) { p.set_rental_seconds(std::numeric_limits<std::int64_t>::max()); },
          "rental_seconds");
  refused([](auto& p) { p.set_service_type(v1::Package::SERVICE_TYPE_PERIODIC); }, "rental_prices");
  refused([](auto& p) { p.set_service_type(static_cast<v1::Package::ServiceType>(7)); },
          "service_type");
}

TEST_F(RentalsTest, WhatIsRentedSinglyIsInNoPlan) {
  v1::TariffPlan plan = Monthly("basic", 1000);
  plan.add_package_ids("cinema");
  EXPECT_EQ(Refusal(Put(plan).status()), "package_is_single");
  EXPECT_THAT(Put(Monthly("basic", 1000)), IsOk());
  EXPECT_EQ(Refusal(PutSinglePackage("base", 100, 60s).status()), "package_in_plan");
  // Its last plan lets it go.
  v1::TariffPlan without = Monthly("basic", 1000);
  without.clear_package_ids();
  ASSERT_THAT(Put(without), IsOk());
  EXPECT_THAT(PutSinglePackage("base", 100, 60s), IsOk());
}

TEST_F(RentalsTest, RentalsRunOnWhenThePackageIsRentedNoMore) {
  ASSERT_THAT(Pay("ann", 1000), IsOk());
  ASSERT_THAT(Rent("ann", "film-1", "cinema", 300), IsOk());
  PutPackage("cinema");  // periodic again
  EXPECT_THAT(Told("ann"), ElementsAre("film-1 until 172800"));
  EXPECT_EQ(RefusalOfRenting("ann"), "rented");  // that is: it runs
  const auto other = Rent("ann", "film-2", "cinema", 300);
  EXPECT_EQ(Refusal(other.status()), "not_for_rent");
}

TEST_F(RentalsTest, PackagesArePublishedWithEachChangeOfAny) {
  PackageFeed feed(store_);
  ASSERT_THAT(feed.Run(Soon()), IsOk());
  replica::Update update = feed.publication().Next("", 0, Soon());
  EXPECT_EQ(update.epoch, "billing");
  ASSERT_EQ(update.items.size(), 3u);
  v1::Package told;
  ASSERT_TRUE(told.ParseFromString(*update.items[1].second));
  EXPECT_EQ(told.package_id(), "cinema");
  EXPECT_EQ(told.rental_prices(0).minor_units(), 300);

  ASSERT_THAT(feed.Run(Soon()), IsOk());
  EXPECT_EQ(feed.publication().revision(), update.revision);  // nothing new
  // As a release wrote it that knows of no rentals: told all the same, and the rest stays.
  ASSERT_THAT(pool_.Execute(Soon(),
                            "INSERT INTO package (package_id, name) VALUES ('cinema', 'Kino')"
                            " ON CONFLICT (package_id) DO UPDATE SET name = 'Kino'"),
              IsOk());
  ASSERT_THAT(feed.Run(Soon()), IsOk());
  update = feed.publication().Next("billing", update.revision, Soon());
  ASSERT_EQ(update.items.size(), 1u);
  ASSERT_TRUE(told.ParseFromString(*update.items[0].second));
  EXPECT_EQ(told.name(), "Kino");
  EXPECT_EQ(told.service_type(), v1::Package::SERVICE_TYPE_SINGLE);
  // Another instance says the same under the same revision.
  PackageFeed other(store_);
  ASSERT_THAT(other.Run(Soon()), IsOk());
  EXPECT_EQ(other.publication().revision(), feed.publication().revision());
}

// -- What others hear -----------------------------------------------------------------------------

TEST_F(RentalsTest, TheSignedCopyCarriesWhatIsRented) {
  const auto keys = security::KeySet::ForTest("2026-01", "0123456789abcdef0123456789abcdef");
  const Facts facts{.account = {.id = AccountId("ann")},
                    .revision = 7,
                    .rentals = {{ItemId("film-1"), FromEpochSeconds(1'790'000'000)}}};
  v1::Entitlement told, under_signature;
  ASSERT_TRUE(told.ParseFromString(Snapshot(facts, {}, keys)));
  ASSERT_TRUE(under_signature.ParseFromString(told.signed_copy().entitlement()));
  ASSERT_EQ(under_signature.rentals_size(), 1);
  EXPECT_EQ(under_signature.rentals(0).item_id(), "film-1");
  EXPECT_EQ(under_signature.rentals(0).until().seconds(), 1'790'000'000);
}

TEST_F(RentalsTest, ARentalIsToldAndAudited) {
  PgStore telling(pool_, Events::kWritten);
  Service service(telling, entitlements_, metrics_, clock_);
  ASSERT_THAT(Pay("ann", 1000), IsOk());
  v1::RentFilmRequest request = RentRequest("ann", "film-1", "cinema", 300);
  request.set_acting_person("viewer:00:1A:79:00:00:01");
  ASSERT_THAT(service.RentFilm(Call(), request), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto events, store_.ListEvents(Soon(), {.kind = "rental.began"}));
  ASSERT_EQ(events.size(), 1u);
  EXPECT_THAT(events[0].body, HasSubstr(R"("item_id":"film-1")"));
  EXPECT_THAT(events[0].body, HasSubstr(R"("minor_units":"300","currency":"EUR")"));
  ASSERT_OK_AND_ASSIGN(const auto audit, store_.ListAudit(Soon(), {.method = "RentFilm"}));
  ASSERT_EQ(audit.size(), 1u);
  EXPECT_EQ(audit[0].subject, "ann");
  EXPECT_EQ(audit[0].person, "viewer:00:1A:79:00:00:01");
}

TEST_F(RentalsTest, TheListHasFiltersAndPages) {
  Open("bob", v1::CHARGING_POSTPAID);
  ASSERT_THAT(PutSinglePackage("arthouse", 200, 1h), IsOk());
  ASSERT_THAT(Pay("ann", 1000), IsOk());
  ASSERT_THAT(Rent("ann", "film-1", "arthouse", 200), IsOk());
  clock_.Advance(2h);
  EndWhatIsOver();
  ASSERT_THAT(Rent("bob", "film-1", "cinema", 300), IsOk());
  clock_.Advance(1s);
  ASSERT_THAT(Rent("bob", "film-2", "cinema", 300), IsOk());

  const auto names = [&](const v1::ListRentalsRequest& request) {
    std::vector<std::string> names;
    for (const v1::Rental& r : Rentals(request)) {
      names.push_back(r.account_id() + " " + r.item_id() + (r.over() ? " over" : ""));
    }
    return names;
  };
  v1::ListRentalsRequest request;
  EXPECT_THAT(names(request), ElementsAre("bob film-2", "bob film-1", "ann film-1 over"));
  request.set_item_id("film-1");
  EXPECT_THAT(names(request), ElementsAre("bob film-1", "ann film-1 over"));
  request.set_only_running(true);
  EXPECT_THAT(names(request), ElementsAre("bob film-1"));
  request.Clear();
  request.set_package_id("arthouse");
  EXPECT_THAT(names(request), ElementsAre("ann film-1 over"));
  request.Clear();
  request.set_account_id("bob");
  request.set_page_size(1);
  const auto page = service_.ListRentals(Call(), request);
  ASSERT_THAT(page, IsOk());
  ASSERT_NE(page->next_page_token(), "");
  request.set_page_token(page->next_page_token());
  EXPECT_THAT(names(request), ElementsAre("bob film-1"));
  request.set_page_token("noise");
  EXPECT_THAT(service_.ListRentals(Call(), request), HasCode(absl::StatusCode::kInvalidArgument));
  request.Clear();
  request.set_account_id("nobody");
  EXPECT_THAT(service_.ListRentals(Call(), request), HasCode(absl::StatusCode::kNotFound));
}

TEST_F(RentalsTest, WithoutTheDatabaseNothingIsRentedAndWhatIsRentedIsStillTold) {
  ASSERT_THAT(Pay("ann", 1000), IsOk());
  ASSERT_THAT(Rent("ann", "film-1", "cinema", 300), IsOk());
  gate_.Cut();
  const auto refused = service_.RentFilm(Call(500ms), RentRequest("ann", "film-2", "cinema", 300));
  EXPECT_THAT(refused.status().code(),
              testing::AnyOf(absl::StatusCode::kUnavailable, absl::StatusCode::kDeadlineExceeded));
  EXPECT_THAT(Told("ann"), ElementsAre("film-1 until 172800"));
}

}  // namespace
}  // namespace holdfast::billing
