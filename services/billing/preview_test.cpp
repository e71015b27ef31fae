// What will be charged next is what is charged then, and asking for it writes nothing.
#include <gmock/gmock.h>

#include "services/billing/billing_coupons_test.h"

namespace holdfast::billing {
namespace {

using test::HasCode;
using test::IsOk;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class PreviewTest : public CouponsTest {
 protected:
  v1::PreviewInvoicesResponse Preview(const std::string& account) {
    v1::PreviewInvoicesRequest request;
    request.set_account_id(account);
    const std::string before = Rows();
    const auto answer = payments_.PreviewInvoices(Call(), request);
    EXPECT_THAT(answer, IsOk());
    EXPECT_EQ(Rows(), before) << "a preview wrote something";
    return answer.value_or(v1::PreviewInvoicesResponse());
  }
  // How much there is of everything that a charge would write.
  std::string Rows() {
    const auto rows = pool_.Query(Soon(), R"sql(
      SELECT concat_ws(' ', (SELECT count(*) FROM invoice), (SELECT count(*) FROM invoice_line),
                       (SELECT count(*) FROM subscription_term), (SELECT position FROM ledger_counter),
                       (SELECT number FROM invoice_counter), (SELECT revision FROM entitlement_counter),
                       (SELECT sum(revision) FROM subscription), (SELECT count(*) FROM event),
                       (SELECT count(*) FROM audit_log), (SELECT count(*) FROM command)))sql");
    EXPECT_THAT(rows, IsOk());
    return rows.ok() ? std::string(rows->Text(0, 0)) : "";
  }
  // Of one invoice: "2026-02-28 1000 2026-02-28..2026-03-31".
  static std::string Show(const v1::Invoice& invoice) {
    std::string text = fmt::format("{} {}", invoice.issued_on(), invoice.open());
    for (const v1::InvoiceLine& line : invoice.lines()) {
      if (line.coupon_id().empty()) text += " " + line.from_day() + ".." + line.to_day();
    }
    return text;
  }
  std::vector<std::string> Next(const std::string& account) {
    std::vector<std::string> shown;
    const v1::PreviewInvoicesResponse preview = Preview(account);
    for (const v1::Invoice& invoice : preview.invoices()) shown.push_back(Show(invoice));
    return shown;
  }
};

TEST_F(PreviewTest, ItIsWhatIsChargedThen) {
  PutTax("de", 19);
  ASSERT_THAT(Issue(Terms(Percent("tenth", 10), 2)), IsOk());
  OpenRich("ann", "de");
  ASSERT_THAT(BuyWith("tenth", "ann"), IsOk());
  for (int term = 0; term < 3; ++term) {  // the coupon is used up by the third one
    v1::PreviewInvoicesResponse preview = Preview("ann");
    ASSERT_THAT(preview.invoices(), SizeIs(1));
    v1::Invoice foreseen = preview.invoices(0);
    EXPECT_EQ(foreseen.invoice_id(), "");
    EXPECT_EQ(foreseen.number(), 0u);
    EXPECT_EQ(preview.available(), Wallet("ann"));
    LiveUntil(Today() + std::chrono::days(32));
    const std::vector<v1::Invoice> all = Invoices("ann");
    v1::Invoice made = all.back();
    made.clear_invoice_id();
    made.clear_number();
    made.clear_settled();
    foreseen.set_open(0);  // it was paid at once
    EXPECT_EQ(made.DebugString(), foreseen.DebugString());
  }
}

TEST_F(PreviewTest, PricesAndTaxesAreThoseOfItsDay) {
  v1::TariffPlan plan = Monthly("rising", 1000);
  v1::DatedPrice& later = *plan.add_prices();
  *later.mutable_amount() = ToProto(*holdfast::Money::Make(1200, "EUR"));
  later.set_valid_from("2026-02-15");
  ASSERT_THAT(Put(plan), IsOk());
  OpenRich("ann");
  ASSERT_THAT(Buy("ann", "rising"), IsOk());
  EXPECT_THAT(Next("ann"), ElementsAre("2026-02-28 1200 2026-02-28..2026-03-31"));
}

TEST_F(PreviewTest, APlannedChangeIsInIt) {
  ASSERT_THAT(Put(Monthly("gold", 3000)), IsOk());
  OpenRich("ann");
  const std::string id = Buy("ann", "basic")->subscription_id();
  ASSERT_THAT(ChangeTo(id, "gold", true), IsOk());
  EXPECT_THAT(Next("ann"), ElementsAre("2026-02-28 3000 2026-02-28..2026-03-31"));
  EXPECT_EQ(Find("ann", id).tariff_plan_id(), "basic");
}

TEST_F(PreviewTest, AddOnsAreChargedBesideTheirBase) {
  v1::TariffPlan sport = Monthly("sport", 500);
  sport.set_add_on(true);
  ASSERT_THAT(Put(sport), IsOk());
  OpenRich("ann");
  const std::string base = Buy("ann", "basic")->subscription_id();
  ASSERT_THAT(Buy("ann", "sport", base), IsOk());
  EXPECT_THAT(Next("ann"), ElementsAre("2026-02-28 1000 2026-02-28..2026-03-31",
                                       "2026-02-28 500 2026-02-28..2026-03-31"));
}

TEST_F(PreviewTest, OfWhatWaitsForMoneyItIsWhatWouldBeChargedToday) {
  Open("ann", v1::CHARGING_PREPAID);
  ASSERT_THAT(Pay("ann", 300), IsOk());
  ASSERT_THAT(Buy("ann", "basic", "", true), IsOk());
  EXPECT_THAT(Next("ann"), ElementsAre("2026-01-31 1000 2026-01-31..2026-02-28"));
  EXPECT_EQ(Preview("ann").available(), 300);
}

TEST_F(PreviewTest, WhoOwesSeesThatToo) {
  Open("ann", v1::CHARGING_POSTPAID);
  ASSERT_THAT(Buy("ann", "basic"), IsOk());
  EXPECT_EQ(Preview("ann").owed(), 1000);
  EXPECT_EQ(Preview("ann").currency(), "EUR");
  EXPECT_THAT(Next("ann"), SizeIs(1));
}

TEST_F(PreviewTest, WhatWillNotBeChargedHasNone) {
  OpenRich("ann");
  const std::string cancelled = Buy("ann", "basic")->subscription_id();
  ASSERT_THAT(Cancel(cancelled, v1::CancelSubscriptionRequest::WHEN_END_OF_TERM), IsOk());
  const std::string paused = Buy("ann", "basic")->subscription_id();
  ASSERT_THAT(Ask<v1::PauseSubscriptionRequest>(&Service::PauseSubscription, paused), IsOk());
  EXPECT_THAT(Next("ann"), IsEmpty());
  CreateAccount("elsewhere");
  ASSERT_THAT(Start("elsewhere", "basic"), IsOk());
  EXPECT_THAT(Next("elsewhere"), IsEmpty());
  v1::PreviewInvoicesRequest unknown;
  unknown.set_account_id("unknown");
  EXPECT_THAT(payments_.PreviewInvoices(Call(), unknown), HasCode(absl::StatusCode::kNotFound));
}

// -- Of a change of plan --------------------------------------------------------------------------

class PreviewChangeTest : public PreviewTest {
 protected:
  void SetUp() override {
    PutTax("de", 19);
    ASSERT_THAT(Put(Monthly("gold", 3000)), IsOk());
  }
  void TearDown() override { EXPECT_THAT(WhatIsWrong(), IsEmpty()); }

  absl::StatusOr<v1::PreviewChangeResponse> Foresee(const std::string& subscription,
                                                    const std::string& plan, bool at_end = false,
                                                    const std::string& on_day = "") {
    v1::ChangeSubscriptionRequest request;  // without a key
    request.set_subscription_id(subscription);
    request.set_tariff_plan_id(plan);
    request.set_at_end_of_term(at_end);
    request.set_on_day(on_day);
    const std::string before = Rows();
    auto answer = service_.PreviewChange(Call(), request);
    EXPECT_EQ(Rows(), before) << "a preview wrote something";
    return answer;
  }
  // "-833 2026-01-31" of what is given back, "2500 2026-02-28..." of what is charged.
  static std::vector<std::string> Documents(const v1::PreviewChangeResponse& preview) {
    std::vector<std::string> shown;
    for (const v1::CreditNote& note : preview.credit_notes()) {
      EXPECT_EQ(note.credit_note_id(), "");
      EXPECT_EQ(note.currency(), "EUR");
      shown.push_back(fmt::format("{} {}", -note.net() - note.tax(), note.issued_on()));
    }
    for (const v1::Invoice& invoice : preview.invoices()) {
      EXPECT_EQ(invoice.invoice_id(), "");
      EXPECT_EQ(invoice.number(), 0u);
      shown.push_back(fmt::format("{} {}", invoice.net() + invoice.tax(), invoice.issued_on()));
      for (const v1::InvoiceLine& line : invoice.lines()) {
        shown.back() += fmt::format(" {}..{}", line.from_day(), line.to_day());
      }
    }
    return shown;
  }
};

TEST_F(PreviewChangeTest, NowItIsWhatIsGivenBackAndWhatIsCharged) {
  OpenRich("ann");
  const std::string id = Buy("ann", "basic")->subscription_id();  // 31 Jan to 28 Feb: 28 days
  GoTo(Day(2026, 2, 14));
  ASSERT_OK_AND_ASSIGN(const v1::PreviewChangeResponse preview, Foresee(id, "gold"));
  EXPECT_THAT(Documents(preview),
              ElementsAre("-500 2026-02-14", "1500 2026-02-14 2026-02-14..2026-02-28"));
  EXPECT_EQ(preview.cost(), 1000);
  EXPECT_EQ(preview.currency(), "EUR");
  EXPECT_EQ(preview.available(), Wallet("ann"));
  EXPECT_EQ(preview.available_after(), Wallet("ann") - 1000);
  EXPECT_EQ(preview.subscription().tariff_plan_id(), "gold");
  EXPECT_EQ(Find("ann", id).tariff_plan_id(), "basic");
  ASSERT_THAT(ChangeTo(id, "gold"), IsOk());
  EXPECT_EQ(Wallet("ann"), preview.available_after());
  ASSERT_OK_AND_ASSIGN(const v1::PreviewChangeResponse back, Foresee(id, "basic"));
  EXPECT_EQ(back.cost(), -1000);  // given back
}

TEST_F(PreviewChangeTest, OnCreditItIsWhatIsOwed) {
  Open("ann", v1::CHARGING_POSTPAID, "de");
  const std::string id = Buy("ann", "basic")->subscription_id();
  GoTo(Day(2026, 2, 14));
  ASSERT_OK_AND_ASSIGN(const v1::PreviewChangeResponse preview, Foresee(id, "gold"));
  EXPECT_EQ(preview.owed(), 1190);
  EXPECT_EQ(preview.owed_after(), 1190 - 595 + 1785);
  ASSERT_THAT(ChangeTo(id, "gold"), IsOk());
  EXPECT_EQ(Owed("ann"), preview.owed_after());
}

TEST_F(PreviewChangeTest, AtTheEndOfTheTermItIsTheNextCharge) {
  OpenRich("ann");
  const std::string id = Buy("ann", "basic")->subscription_id();
  for (const char* day : {"", "2026-02-28"}) {
    ASSERT_OK_AND_ASSIGN(const v1::PreviewChangeResponse preview,
                         Foresee(id, "gold", *day == 0, day));
    EXPECT_THAT(Documents(preview), ElementsAre("3000 2026-02-28 2026-02-28..2026-03-31")) << day;
    EXPECT_EQ(preview.cost(), 3000);
    EXPECT_EQ(preview.available_after(), preview.available());
    EXPECT_EQ(preview.subscription().change_plan_id(), "gold");
    EXPECT_EQ(preview.subscription().change_on(), day);
  }
  EXPECT_EQ(Find("ann", id).change_plan_id(), "");
}

TEST_F(PreviewChangeTest, OnADayItIsWhatIsWrittenThen) {
  OpenRich("ann", "de");
  const std::string id = Buy("ann", "basic")->subscription_id();
  const std::string day = "2026-02-21";
  ASSERT_OK_AND_ASSIGN(const v1::PreviewChangeResponse preview, Foresee(id, "gold", false, day));
  EXPECT_THAT(Documents(preview), SizeIs(2));
  ASSERT_THAT(ChangeTo(id, "gold", false, day), IsOk());
  const std::int64_t before = Wallet("ann");
  LiveUntil(Day(2026, 2, 21));
  EXPECT_EQ(Wallet("ann"), before - preview.cost());
  v1::Invoice made = Invoices("ann").back();
  made.clear_invoice_id();
  made.clear_number();
  v1::Invoice foreseen = preview.invoices(0);
  foreseen.set_settled(made.settled());
  foreseen.set_open(0);  // it was paid at once
  EXPECT_EQ(made.DebugString(), foreseen.DebugString());
}

TEST_F(PreviewChangeTest, BehindTheEndOfWhatIsPaidNothingIsKnown) {
  OpenRich("ann");
  const std::string id = Buy("ann", "basic")->subscription_id();
  ASSERT_OK_AND_ASSIGN(const v1::PreviewChangeResponse preview,
                       Foresee(id, "gold", false, "2026-03-15"));
  EXPECT_THAT(Documents(preview), IsEmpty());
  EXPECT_EQ(preview.subscription().change_on(), "2026-03-15");
}

TEST_F(PreviewChangeTest, WhatWouldBeRefusedIsRefusedWithTheSameReason) {
  v1::TariffPlan sport = Monthly("sport", 500);
  sport.set_add_on(true);
  ASSERT_THAT(Put(sport), IsOk());
  Open("ann", v1::CHARGING_PREPAID);
  ASSERT_THAT(Pay("ann", 1100), IsOk());
  const std::string id = Buy("ann", "basic")->subscription_id();
  const struct {
    std::string subscription, plan, on_day;
  } wrong[] = {{id, "gold", ""},        {id, "sport", ""},          {id, "nothing", ""},
               {"nothing", "gold", ""}, {id, "gold", "2026-01-31"}, {id, "gold", "31.1.2026"}};
  for (const auto& w : wrong) {
    const auto foreseen = Foresee(w.subscription, w.plan, false, w.on_day).status();
    EXPECT_FALSE(foreseen.ok());
    EXPECT_EQ(foreseen, ChangeTo(w.subscription, w.plan, false, w.on_day).status());
  }
  EXPECT_THAT(Foresee(id, "gold").status(), test::HasMessage("insufficient_funds"));
  EXPECT_THAT(Foresee(id, "gold", true), IsOk()) << "money may come until then";
}

TEST_F(PreviewChangeTest, WhatIsChargedElsewhereCostsNothingHere) {
  CreateAccount("elsewhere");
  const std::string id = Start("elsewhere", "basic")->subscription_id();
  ASSERT_OK_AND_ASSIGN(const v1::PreviewChangeResponse preview, Foresee(id, "gold"));
  EXPECT_THAT(Documents(preview), IsEmpty());
  EXPECT_EQ(preview.currency(), "");
  EXPECT_EQ(preview.subscription().tariff_plan_id(), "gold");
}

}  // namespace
}  // namespace holdfast::billing
