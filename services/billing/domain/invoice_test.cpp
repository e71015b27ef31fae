#include "services/billing/domain/invoice.h"

#include <gtest/gtest.h>

#include <map>

#include "libs/base/random.h"
#include "libs/testing/status_matchers.h"

namespace holdfast::billing {
namespace {

using std::chrono::days;
using test::HasMessage;
using test::IsOk;

constexpr sys_days kFrom{std::chrono::year(2026) / 3 / 1};
constexpr Days kMarch{kFrom, kFrom + days(31)};

TaxRate Vat(int percent, TaxRate::Kind kind = TaxRate::Kind::kExclusive) {
  return {.region = "de", .name = "VAT", .parts_per_million = percent * 10'000, .kind = kind};
}

Invoice Draft(const TaxRate& rate, const std::vector<std::int64_t>& quoted) {
  Invoice draft{.id = InvoiceId("1"), .account = AccountId("ann"), .currency = "EUR", .rate = rate};
  for (const std::int64_t amount : quoted) {
    draft.lines.push_back({.text = "Basic",
                           .plan = TariffPlanId("basic"),
                           .subscription = SubscriptionId("s"),
                           .days = kMarch,
                           .quoted = amount});
  }
  return draft;
}

CreditOrder Order(const std::vector<CreditNote>& before = {}) {
  return {.id = CreditNoteId("c" + std::to_string(before.size())),
          .reason = "test",
          .today = kFrom,
          .before = before};
}

// What entries did to every account of the ledger.
std::map<std::string, std::int64_t> Balances(const std::vector<Entry>& entries) {
  std::map<std::string, std::int64_t> balances;
  for (const Entry& entry : entries) {
    EXPECT_THAT(CheckEntry(entry), IsOk());
    for (const Transfer& t : entry.transfers) {
      balances[t.debit.ToString()] -= t.amount;
      balances[t.credit.ToString()] += t.amount;
    }
  }
  return balances;
}

TEST(InvoiceTest, TaxComesOnTopOrIsPartOfThePrice) {
  EXPECT_EQ(SplitPrice(1000, Vat(19)).tax, 190);
  EXPECT_EQ(SplitPrice(1000, Vat(19)).net, 1000);
  EXPECT_EQ(SplitPrice(1190, Vat(19, TaxRate::Kind::kInclusive)).tax, 190);
  EXPECT_EQ(SplitPrice(1190, Vat(19, TaxRate::Kind::kInclusive)).net, 1000);
  EXPECT_EQ(SplitPrice(999, Vat(0)).total(), 999);
  EXPECT_EQ(SplitPrice(-1000, Vat(19)).tax, -190);
}

TEST(InvoiceTest, LinesSumToTheTotalAndTheEntryToTheInvoice) {
  const std::uint64_t seed = SecureSeed();
  SCOPED_TRACE(seed);
  SeededRandom random(seed);
  for (int round = 0; round < 500; ++round) {
    std::vector<std::int64_t> quoted;
    for (std::uint64_t i = 0; i <= random.Below(5); ++i) {
      quoted.push_back(static_cast<std::int64_t>(random.Below(100'000)));
    }
    const auto kind = random.Below(2) ? TaxRate::Kind::kInclusive : TaxRate::Kind::kExclusive;
    ASSERT_OK_AND_ASSIGN(const Invoice invoice,
                         MakeInvoice(Draft(Vat(static_cast<int>(random.Below(30)), kind), quoted)));
    std::int64_t sum = 0;
    std::int64_t asked = 0;
    for (const InvoiceLine& line : invoice.lines) sum += line.amount.total();
    for (const std::int64_t amount : quoted) asked += amount;
    ASSERT_EQ(sum, invoice.total());
    if (kind == TaxRate::Kind::kInclusive) {
      ASSERT_EQ(invoice.total(), asked);
    }
    auto balances = Balances({IssueEntry(invoice)});
    ASSERT_EQ(-balances["receivable/ann/EUR"], invoice.total());
    ASSERT_EQ(balances["revenue/basic/EUR"], invoice.net);
    ASSERT_EQ(balances["tax/de/EUR"], invoice.tax);
  }
}

TEST(InvoiceTest, ADiscountIsALineAndCannotTurnTheInvoiceRound) {
  ASSERT_OK_AND_ASSIGN(const Invoice invoice, MakeInvoice(Draft(Vat(19), {1000, -250})));
  EXPECT_EQ(invoice.net, 750);
  EXPECT_EQ(invoice.tax, 142);  // 190 - 48
  EXPECT_THAT(MakeInvoice(Draft(Vat(19), {1000, -1001})), HasMessage("less than nothing"));
}

TEST(InvoiceTest, TheWalletPaysWhatItHas) {
  ASSERT_OK_AND_ASSIGN(const Invoice invoice, MakeInvoice(Draft(Vat(0), {1000})));
  const Settlement some = Settle(invoice, 300, 1);
  EXPECT_EQ(some.invoice.open(), 700);
  const Settlement rest = Settle(some.invoice, 5000, 2);
  EXPECT_EQ(rest.invoice.open(), 0);
  EXPECT_EQ(Balances({some.entry, rest.entry})["wallet/ann/EUR"], -1000);
  EXPECT_TRUE(Settle(rest.invoice, 5000, 3).entry.transfers.empty());
}

TEST(InvoiceTest, WhatABankTookBackIsOpenAgain) {
  ASSERT_OK_AND_ASSIGN(const Invoice invoice, MakeInvoice(Draft(Vat(0), {1000})));
  const Settlement paid = Settle(invoice, 800, 1);
  ASSERT_OK_AND_ASSIGN(const Credit credit, CreditAll(paid.invoice, Order()));  // 800 go back
  EXPECT_TRUE(Unsettle(credit.invoice, 5000, 2).entry.transfers.empty());
  const Settlement some = Unsettle(paid.invoice, 300, 2);
  EXPECT_EQ(some.invoice.open(), 500);
  const Settlement rest = Unsettle(some.invoice, 5000, 3);
  EXPECT_EQ(rest.invoice.open(), 1000);
  EXPECT_EQ(Balances({paid.entry, some.entry, rest.entry})["wallet/ann/EUR"], 0);
}

// Whatever is taken off a price: nobody gets more back than was paid, and all of it in the end.
TEST(InvoiceTest, ADiscountIsGivenBackInTheProportionOfItsPrice) {
  for (const TaxRate& rate : {Vat(0), Vat(19), Vat(7)}) {
    for (const std::int64_t off : {1, 333, 499, 998, 999}) {
      Invoice draft = Draft(rate, {999});
      InvoiceLine discount = draft.lines.front();
      discount.quoted = -off;
      discount.coupon = "X";
      draft.lines.push_back(discount);
      ASSERT_OK_AND_ASSIGN(const Invoice invoice, MakeInvoice(draft));
      std::int64_t before = 0;
      for (int unused = 0; unused <= 31; ++unused) {
        const Credit credit = CreditUnusedDays(invoice, Order(), SubscriptionId("s"), unused);
        const std::int64_t back = credit.note.total().total();
        EXPECT_GE(back, 0) << off << " of 999, " << unused << " days";
        EXPECT_LE(back, invoice.total()) << off << " of 999, " << unused << " days";
        EXPECT_THAT(CheckEntry(credit.entry), IsOk());
        before = back;
        if (credit.invoice.open() == 0) continue;
        ASSERT_OK_AND_ASSIGN(const Credit rest, CreditAll(credit.invoice, Order({credit.note})));
        EXPECT_THAT(CheckEntry(rest.entry), IsOk());
        EXPECT_EQ(back + rest.note.total().total(), invoice.total());
      }
      EXPECT_EQ(before, invoice.total());
    }
  }
}

TEST(InvoiceTest, UsedAndUnusedDaysSumToThePrice) {
  ASSERT_OK_AND_ASSIGN(Invoice invoice, MakeInvoice(Draft(Vat(19), {1000})));
  for (int used = 0; used <= 31; ++used) {
    const Credit credit = CreditUnusedDays(invoice, Order(), SubscriptionId("s"), 31 - used);
    const Split back = credit.note.total();
    EXPECT_EQ(back.net, (1000 * (31 - used) + 15) / 31) << used;
    EXPECT_EQ(credit.invoice.open(), invoice.total() - back.total());
    EXPECT_EQ(credit.note.to_wallet, 0);
  }
  EXPECT_EQ(CreditUnusedDays(invoice, Order(), SubscriptionId("s"), 31).note.total().total(),
            invoice.total());
  EXPECT_TRUE(CreditUnusedDays(invoice, Order(), SubscriptionId("other"), 31).note.lines.empty());
}

TEST(InvoiceTest, WhatWasPaidComesBackIntoTheWallet) {
  ASSERT_OK_AND_ASSIGN(const Invoice invoice, MakeInvoice(Draft(Vat(0), {1000})));
  const Settlement paid = Settle(invoice, 600, 1);
  ASSERT_OK_AND_ASSIGN(const Credit credit, CreditAll(paid.invoice, Order()));
  EXPECT_EQ(credit.note.to_wallet, 600);
  EXPECT_EQ(credit.invoice.open(), 0);
  const auto balances = Balances({IssueEntry(invoice), paid.entry, credit.entry});
  for (const auto& [account, balance] : balances) EXPECT_EQ(balance, 0) << account;
}

TEST(InvoiceTest, NothingIsTakenBackTwice) {
  ASSERT_OK_AND_ASSIGN(const Invoice invoice, MakeInvoice(Draft(Vat(19), {1000, 333})));
  const Credit half = CreditUnusedDays(invoice, Order(), SubscriptionId("s"), 16);
  ASSERT_OK_AND_ASSIGN(const Credit rest, CreditAll(half.invoice, Order({half.note})));
  EXPECT_EQ(half.note.total().total() + rest.note.total().total(), invoice.total());
  EXPECT_THAT(CreditAll(rest.invoice, Order({half.note, rest.note})),
              HasMessage("already_credited"));
  EXPECT_TRUE(CreditUnusedDays(rest.invoice, Order({half.note, rest.note}), SubscriptionId("s"), 31)
                  .note.lines.empty());
}

}  // namespace
}  // namespace holdfast::billing
