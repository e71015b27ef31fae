// Lists: their filters, and that pages together are the whole, each row once.
#include <set>

#include "services/billing/billing_money_test.h"
#include "services/billing/gateways_service.h"

namespace holdfast::billing {
namespace {

using test::HasCode;
using test::HasMessage;
using test::IsOk;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

class ListsTest : public MoneyTest {
 protected:
  // All ids of a list, asked for page by page.
  template <class Request, class Method, class Ids>
  std::vector<std::string> PageByPage(Request request, const Method& method, const Ids& ids) {
    request.set_page_size(2);
    std::vector<std::string> all;
    for (int pages = 0; pages < 20; ++pages) {
      const auto answer = method(request);
      EXPECT_THAT(answer, IsOk());
      if (!answer.ok()) return all;
      const std::vector<std::string> found = ids(*answer);
      EXPECT_LE(found.size(), 2u);
      all.insert(all.end(), found.begin(), found.end());
      if (answer->next_page_token().empty()) return all;
      request.set_page_token(answer->next_page_token());
    }
    ADD_FAILURE() << "the list has no end";
    return all;
  }
  template <class Request, class Method>
  void ExpectRefusesOtherTokens(Request request, const Method& method) {
    request.set_page_token("bm90IG91cnMh/");
    EXPECT_THAT(method(request), HasMessage("page_token"));
    request.clear_page_token();
    request.set_page_size(1001);
    EXPECT_THAT(method(request), HasMessage("page_size"));
  }

  std::vector<std::string> Subscriptions(const v1::ListSubscriptionsRequest& request) {
    return PageByPage(
        request, [&](const auto& r) { return service_.ListSubscriptions(Call(), r); },
        [](const v1::ListSubscriptionsResponse& answer) {
          std::vector<std::string> ids;
          for (const auto& s : answer.subscriptions()) ids.push_back(s.account_id());
          return ids;
        });
  }
  std::vector<std::int64_t> Payments(const v1::ListPaymentsRequest& request) {
    std::vector<std::int64_t> amounts;
    PageByPage(
        request, [&](const auto& r) { return payments_.ListPayments(Call(), r); },
        [&](const v1::ListPaymentsResponse& answer) {
          for (const auto& p : answer.payments()) amounts.push_back(p.amount().minor_units());
          return std::vector<std::string>(static_cast<std::size_t>(answer.payments_size()));
        });
    return amounts;
  }
};

TEST_F(ListsTest, PlansAndPackagesComeAllAtOnceOrInPages) {
  for (const char* id : {"a", "b", "c", "d", "e"}) ASSERT_THAT(Put(Monthly(id, 100)), IsOk());
  v1::TariffPlan add_on = Monthly("x", 100);
  add_on.set_add_on(true);
  add_on.clear_package_ids();
  add_on.add_package_ids("sport");
  ASSERT_THAT(Put(add_on), IsOk());
  const auto list = [&](const auto& r) { return service_.ListTariffPlans(Call(), r); };
  const auto ids = [](const v1::ListTariffPlansResponse& answer) {
    std::vector<std::string> found;
    for (const auto& plan : answer.tariff_plans()) found.push_back(plan.tariff_plan_id());
    return found;
  };
  EXPECT_THAT(ids(*list(v1::ListTariffPlansRequest())), ElementsAre("a", "b", "c", "d", "e", "x"));
  v1::ListTariffPlansRequest request;
  EXPECT_THAT(PageByPage(request, list, ids), ElementsAre("a", "b", "c", "d", "e", "x"));
  request.set_kind(v1::ListTariffPlansRequest::KIND_ADD_ON);
  EXPECT_THAT(ids(*list(request)), ElementsAre("x"));
  request.set_kind(v1::ListTariffPlansRequest::KIND_BASE);
  EXPECT_THAT(PageByPage(request, list, ids), SizeIs(5));
  request.clear_kind();
  request.set_package_id("sport");
  EXPECT_THAT(ids(*list(request)), ElementsAre("x"));
  ExpectRefusesOtherTokens(v1::ListTariffPlansRequest(), list);

  const auto packages = PageByPage(
      v1::ListPackagesRequest(), [&](const auto& r) { return service_.ListPackages(Call(), r); },
      [](const v1::ListPackagesResponse& answer) {
        std::vector<std::string> found;
        for (const auto& package : answer.packages()) found.push_back(package.package_id());
        return found;
      });
  EXPECT_THAT(packages, ElementsAre("base", "sport"));
}

TEST_F(ListsTest, VersionsOfAPlanAreListed) {
  for (const std::int64_t price : {100, 200, 300}) ASSERT_THAT(Put(Monthly("a", price)), IsOk());
  ASSERT_THAT(Put(Monthly("other", 1)), IsOk());
  v1::ListPlanVersionsRequest request;
  request.set_tariff_plan_id("a");
  const auto prices = PageByPage(
      request, [&](const auto& r) { return service_.ListPlanVersions(Call(), r); },
      [](const v1::ListPlanVersionsResponse& answer) {
        std::vector<std::string> found;
        for (const auto& plan : answer.versions()) {
          found.push_back(fmt::format("{}: {}", plan.version(), plan.price().minor_units()));
        }
        return found;
      });
  EXPECT_THAT(prices, ElementsAre("3: 300", "2: 200", "1: 100"));
  request.set_tariff_plan_id("nothing");
  EXPECT_THAT(service_.ListPlanVersions(Call(), request), HasCode(absl::StatusCode::kNotFound));
}

TEST_F(ListsTest, SubscriptionsOfAllAccountsAreListedTheNewestFirst) {
  ASSERT_THAT(Put(Monthly("basic", 100)), IsOk());
  ASSERT_THAT(Put(Monthly("other", 100)), IsOk());
  std::string first;
  for (const char* id : {"a", "b", "c", "d", "e"}) {
    Open(id, v1::CHARGING_POSTPAID);
    clock_.Advance(std::chrono::seconds(1));
    const auto bought = Buy(id, id == std::string("e") ? "other" : "basic");
    ASSERT_THAT(bought, IsOk());
    if (first.empty()) first = bought->subscription_id();
  }
  v1::ListSubscriptionsRequest request;
  EXPECT_THAT(Subscriptions(request), ElementsAre("e", "d", "c", "b", "a"));
  ASSERT_THAT(Cancel(first, v1::CancelSubscriptionRequest::WHEN_IMMEDIATELY), IsOk());
  request.set_state(v1::Subscription::STATE_ACTIVE);
  EXPECT_THAT(Subscriptions(request), ElementsAre("e", "d", "c", "b"));
  request.set_tariff_plan_id("basic");
  EXPECT_THAT(Subscriptions(request), ElementsAre("d", "c", "b"));
  request.Clear();
  request.set_account_id("c");
  EXPECT_THAT(Subscriptions(request), ElementsAre("c"));
  request.set_account_id("nobody");
  EXPECT_THAT(service_.ListSubscriptions(Call(), request), HasCode(absl::StatusCode::kNotFound));
  ExpectRefusesOtherTokens(v1::ListSubscriptionsRequest(),
                           [&](const auto& r) { return service_.ListSubscriptions(Call(), r); });
}

// Several of one moment: the database's clock gives all of a transaction the same one.
TEST_F(ListsTest, RowsOfOneMomentAreNeitherLostNorRepeated) {
  Open("ann", v1::CHARGING_PREPAID);
  for (const std::int64_t amount : {1, 2, 3, 4, 5}) ASSERT_THAT(Pay("ann", amount), IsOk());
  ASSERT_THAT(pool_.Execute(Soon(), "UPDATE payment SET created_at = '2026-03-01 10:00:00Z'"),
              IsOk());
  EXPECT_THAT(Payments(v1::ListPaymentsRequest()), UnorderedElementsAre(1, 2, 3, 4, 5));
}

TEST_F(ListsTest, PaymentsAreListedByAccountMethodAndDay) {
  Open("ann", v1::CHARGING_PREPAID);
  Open("bob", v1::CHARGING_PREPAID);
  for (const std::int64_t amount : {10, 20, 30}) ASSERT_THAT(Pay("ann", amount), IsOk());
  ASSERT_THAT(Pay("bob", 40), IsOk());
  ASSERT_THAT(pool_.Execute(Soon(),
                            "UPDATE payment SET method = 'cash' WHERE amount = 20;"
                            "UPDATE payment SET created_at = timestamptz '2026-03-01 00:00:00Z'"
                            " + amount * interval '1 hour'"),
              IsOk());
  v1::ListPaymentsRequest request;
  EXPECT_THAT(Payments(request), ElementsAre(40, 30, 20, 10));
  request.set_account_id("ann");
  EXPECT_THAT(Payments(request), ElementsAre(30, 20, 10));
  request.set_method("cash");
  EXPECT_THAT(Payments(request), ElementsAre(20));
  request.Clear();
  request.set_from("2026-03-02");  // 30 and 40 hours after the first
  EXPECT_THAT(Payments(request), ElementsAre(40, 30));
  request.set_until("2026-03-02");
  EXPECT_THAT(Payments(request), IsEmpty());
  request.set_until("tomorrow");
  EXPECT_THAT(payments_.ListPayments(Call(), request), HasMessage("until"));
}

TEST_F(ListsTest, InvoicesAreListedByDayDueAndCurrency) {
  ASSERT_THAT(Put(Monthly("basic", 1000)), IsOk());
  Open("ann", v1::CHARGING_POSTPAID);
  ASSERT_THAT(Buy("ann", "basic"), IsOk());  // on 31 January
  ASSERT_THAT(Pay("ann", 1000), IsOk());
  LiveUntil(Day(2026, 3, 1));  // and on 28 February
  const auto numbers = [&](const v1::ListInvoicesRequest& request) {
    std::vector<std::uint64_t> found;
    const auto answer = payments_.ListInvoices(Call(), request);
    EXPECT_THAT(answer, IsOk());
    for (const auto& invoice : answer->invoices()) found.push_back(invoice.number());
    return found;
  };
  v1::ListInvoicesRequest request;
  EXPECT_THAT(numbers(request), ElementsAre(1, 2));
  request.set_issued_from("2026-02-28");
  EXPECT_THAT(numbers(request), ElementsAre(2));
  request.Clear();
  request.set_issued_until("2026-02-28");
  EXPECT_THAT(numbers(request), ElementsAre(1));
  request.Clear();
  request.set_due_until("2026-03-01");
  EXPECT_THAT(numbers(request), ElementsAre(1));
  request.Clear();
  request.set_currency("USD");
  EXPECT_THAT(numbers(request), IsEmpty());
  request.set_currency("euro");
  EXPECT_THAT(payments_.ListInvoices(Call(), request), HasCode(absl::StatusCode::kInvalidArgument));
}

TEST_F(ListsTest, CreditNotesAreListed) {
  ASSERT_THAT(Put(Monthly("basic", 1000)), IsOk());
  for (const char* id : {"a", "b", "c"}) {
    Open(id, v1::CHARGING_POSTPAID);
    ASSERT_THAT(Buy(id, "basic"), IsOk());
    ASSERT_THAT(Credit(Invoices(id).front().invoice_id()), IsOk());
  }
  const auto list = [&](const auto& r) { return payments_.ListCreditNotes(Call(), r); };
  const auto accounts = [](const v1::ListCreditNotesResponse& answer) {
    std::vector<std::string> found;
    for (const auto& note : answer.credit_notes()) {
      EXPECT_EQ(note.net(), 1000);
      EXPECT_EQ(note.currency(), "EUR");
      found.push_back(note.account_id());
    }
    return found;
  };
  v1::ListCreditNotesRequest request;
  EXPECT_THAT(PageByPage(request, list, accounts), UnorderedElementsAre("a", "b", "c"));
  request.set_account_id("b");
  EXPECT_THAT(PageByPage(request, list, accounts), ElementsAre("b"));
  request.Clear();
  request.set_invoice_id(Invoices("c").front().invoice_id());
  EXPECT_THAT(PageByPage(request, list, accounts), ElementsAre("c"));
  request.Clear();
  request.set_issued_until("2026-01-31");
  EXPECT_THAT(PageByPage(request, list, accounts), IsEmpty());
  request.set_issued_from("2026-01-31");
  request.clear_issued_until();
  EXPECT_THAT(PageByPage(request, list, accounts), SizeIs(3));
  ExpectRefusesOtherTokens(v1::ListCreditNotesRequest(), list);
}

TEST_F(ListsTest, TaxRatesAndResellersAreListed) {
  PutTax("at", 20);
  PutTax("de", 19);
  PutTax("fr", 20);
  const auto list = [&](const auto& r) { return service_.ListTaxRates(Call(), r); };
  const auto regions = [](const v1::ListTaxRatesResponse& answer) {
    std::vector<std::string> found;
    for (const auto& rate : answer.tax_rates()) found.push_back(rate.region());
    return found;
  };
  v1::ListTaxRatesRequest request;
  EXPECT_THAT(PageByPage(request, list, regions), ElementsAre("at", "de", "fr"));
  request.set_region("de");
  EXPECT_THAT(regions(*list(request)), ElementsAre("de"));

  for (const char* id : {"a", "b", "c", "d"}) {
    v1::PutResellerRequest put;
    put.set_idempotency_key(NewKey());
    put.mutable_reseller()->set_reseller_id(id);
    put.mutable_reseller()->set_name(id);
    put.mutable_reseller()->set_currency("EUR");
    if (id != std::string("a")) put.mutable_reseller()->set_parent_id("a");
    ASSERT_THAT(payments_.PutReseller(Call(), put), IsOk());
  }
  const auto resellers = [&](const auto& r) { return payments_.ListResellers(Call(), r); };
  const auto ids = [](const v1::ListResellersResponse& answer) {
    std::vector<std::string> found;
    for (const auto& reseller : answer.resellers()) found.push_back(reseller.reseller_id());
    return found;
  };
  v1::ListResellersRequest of;
  EXPECT_THAT(PageByPage(of, resellers, ids), ElementsAre("a", "b", "c", "d"));
  of.set_parent_id("a");
  EXPECT_THAT(PageByPage(of, resellers, ids), ElementsAre("b", "c", "d"));
}

TEST_F(ListsTest, VouchersAreListedWithoutTheirCodes) {
  Open("ann", v1::CHARGING_PREPAID);
  v1::CreateVoucherBatchRequest make;
  make.set_count(3);
  *make.mutable_value() = ToProto(*holdfast::Money::Make(500, "EUR"));
  make.set_expires_on("2026-12-31");
  std::string code;
  for (const char* id : {"spring", "summer"}) {
    make.set_idempotency_key(NewKey());
    make.set_batch_id(id);
    const auto made = payments_.CreateVoucherBatch(Call(), make);
    ASSERT_THAT(made, IsOk());
    code = made->codes(0);
  }
  v1::RedeemVoucherRequest redeem;
  redeem.set_idempotency_key(NewKey());
  redeem.set_account_id("ann");
  redeem.set_code(code);
  ASSERT_THAT(payments_.RedeemVoucher(Call(), redeem), IsOk());

  ASSERT_OK_AND_ASSIGN(const auto batches, payments_.ListVoucherBatches(Call(), {}));
  ASSERT_EQ(batches.batches_size(), 2);
  EXPECT_EQ(batches.batches(0).batch_id(), "spring");
  EXPECT_EQ(batches.batches(0).vouchers(), 3);
  EXPECT_EQ(batches.batches(0).redeemed(), 0);
  EXPECT_EQ(batches.batches(1).redeemed(), 1);
  v1::CancelVoucherBatchRequest cancel;
  cancel.set_idempotency_key(NewKey());
  cancel.set_batch_id("spring");
  ASSERT_THAT(payments_.CancelVoucherBatch(Call(), cancel), IsOk());
  v1::ListVoucherBatchesRequest redeemable;
  redeemable.set_only_redeemable(true);
  EXPECT_EQ(payments_.ListVoucherBatches(Call(), redeemable)->batches_size(), 1);

  const auto list = [&](const auto& r) { return payments_.ListVouchers(Call(), r); };
  const auto ids = [&](const v1::ListVouchersResponse& answer) {
    std::vector<std::string> found;
    for (const auto& voucher : answer.vouchers()) {
      EXPECT_EQ(voucher.ShortDebugString().find(code), std::string::npos);
      found.push_back(voucher.voucher_id());
    }
    return found;
  };
  v1::ListVouchersRequest request;
  const std::vector<std::string> all = PageByPage(request, list, ids);
  EXPECT_THAT(std::set<std::string>(all.begin(), all.end()), SizeIs(6));
  request.set_batch_id("spring");
  EXPECT_THAT(PageByPage(request, list, ids), SizeIs(3));
  request.Clear();
  request.set_redeemed_by("ann");
  ASSERT_THAT(PageByPage(request, list, ids), SizeIs(1));
  const v1::ListedVoucher used = list(request)->vouchers(0);
  EXPECT_EQ(used.batch_id(), "summer");
  EXPECT_TRUE(used.has_redeemed_at());
  // It is found in the books by its id.
  v1::ListTransfersRequest entry;
  entry.set_entry_id("voucher-" + used.voucher_id());
  EXPECT_EQ(books_.ListTransfers(Call(), entry)->transfers_size(), 1);
}

TEST_F(ListsTest, WebhookEventsAreListedByWhatBecameOfThem) {
  Open("ann", v1::CHARGING_PREPAID);
  PgStore tells{pool_, Events::kWritten};
  PaymentsService paid{tells, entitlements_, clock_};
  for (int i = 0; i < 3; ++i) {
    v1::RecordPaymentRequest request;
    request.set_idempotency_key(NewKey());
    request.set_account_id("ann");
    *request.mutable_amount() = ToProto(*holdfast::Money::Make(100, "EUR"));
    request.set_method("bank");
    ASSERT_THAT(paid.RecordPayment(Call(), request), IsOk());
  }
  const auto list = [&](const auto& r) { return books_.ListWebhookEvents(Call(), r); };
  const auto ids = [](const v1::ListWebhookEventsResponse& answer) {
    std::vector<std::string> found;
    for (const auto& event : answer.events()) found.push_back(event.event_id());
    return found;
  };
  v1::ListWebhookEventsRequest request;
  const std::vector<std::string> all = PageByPage(request, list, ids);
  ASSERT_THAT(all, SizeIs(3));
  const StoredEvent sent[] = {
      {.id = all[0], .tries = 1, .try_at = clock_.Now(), .delivered_at = clock_.Now()},
      {.id = all[1], .tries = 9, .try_at = clock_.Now(), .given_up_at = clock_.Now()}};
  ASSERT_THAT(tells.SaveEvents(Soon(), sent), IsOk());
  request.set_state(v1::WebhookEvent::STATE_DELIVERED);
  EXPECT_THAT(ids(*list(request)), ElementsAre(all[0]));
  request.set_state(v1::WebhookEvent::STATE_GIVEN_UP);
  EXPECT_THAT(ids(*list(request)), ElementsAre(all[1]));
  request.set_state(v1::WebhookEvent::STATE_WAITING);
  ASSERT_THAT(ids(*list(request)), ElementsAre(all[2]));
  EXPECT_EQ(list(request)->events(0).kind(), "payment.taken");
  request.Clear();
  request.set_kind("invoice.issued");
  EXPECT_THAT(ids(*list(request)), IsEmpty());
  request.Clear();
  request.set_account_id("ann");
  EXPECT_THAT(PageByPage(request, list, ids), SizeIs(3));
  ExpectRefusesOtherTokens(v1::ListWebhookEventsRequest(), list);
}

TEST_F(ListsTest, AttemptsAreListedToTheirEnd) {
  Open("ann", v1::CHARGING_PREPAID);
  for (int i = 0; i < 5; ++i) {
    ASSERT_THAT(pool_.Execute(Soon(), fmt::format("INSERT INTO payment_attempt (attempt_id, "
                                                  "account_id, gateway, currency, amount, source,"
                                                  " state, look_at, created_at) VALUES ('t{}', "
                                                  "'ann', 'card', 'EUR', 5, '', '{}', now(),"
                                                  " '2026-03-01 10:00:00Z')",
                                                  i, i == 0 ? "declined" : "pending")),
                IsOk());
  }
  GatewaysService gateways{
      {store_, entitlements_, metrics_, clock_, nullptr, std::chrono::seconds(30)}};
  const auto list = [&](const auto& r) { return gateways.ListAttempts(Call(), r); };
  const auto ids = [](const v1::ListAttemptsResponse& answer) {
    std::vector<std::string> found;
    for (const auto& attempt : answer.attempts()) found.push_back(attempt.attempt_id());
    return found;
  };
  v1::ListAttemptsRequest request;
  EXPECT_THAT(PageByPage(request, list, ids), ElementsAre("t4", "t3", "t2", "t1", "t0"));
  request.set_account_id("ann");
  EXPECT_EQ(list(request)->attempts_size(), 5);
  request.set_state(v1::PaymentAttempt::STATE_DECLINED);
  EXPECT_THAT(ids(*list(request)), ElementsAre("t0"));
}

}  // namespace
}  // namespace holdfast::billing
