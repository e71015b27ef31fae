#include "services/billing/domain/ledger.h"

#include <gtest/gtest.h>

#include "libs/testing/status_matchers.h"

namespace holdfast::billing {
namespace {

using namespace std::chrono_literals;
using test::HasCode;
using test::HasMessage;
using test::IsOk;
using Kind = Transfer::Kind;

class LedgerTest : public testing::Test {
 protected:
  Transfer Posted(std::int64_t amount) const {
    return {.id = TransferId("t"), .debit = cash_, .credit = wallet_, .amount = amount};
  }
  Transfer Held(std::int64_t amount) const {
    return {.id = TransferId("h"),
            .kind = Kind::kPending,
            .debit = wallet_,
            .credit = {LedgerKind::kRevenue, "vod", "EUR"},
            .amount = amount,
            .expires_at = now_ + 1h};
  }
  LedgerAccount WalletWith(std::int64_t amount) const {
    LedgerAccount wallet = OpenLedgerAccount(wallet_);
    EXPECT_THAT(Apply(Posted(amount), wallet), IsOk());
    return wallet;
  }

  const WallTime now_ = FromEpochSeconds(1767348000);
  const LedgerAccountId wallet_ = WalletOf(AccountId("ann"), "EUR");
  const LedgerAccountId cash_{LedgerKind::kClearing, "cash", "EUR"};
};

TEST_F(LedgerTest, AnAccountIsNamedByKindOwnerAndCurrency) {
  EXPECT_EQ(wallet_.ToString(), "wallet/ann/EUR");
  EXPECT_EQ(*LedgerAccountId::Parse("wallet/ann/EUR"), wallet_);
  for (const char* wrong : {"", "wallet", "wallet/EUR", "purse/ann/EUR", "wallet/a b/EUR",
                            "wallet/ann/eur", "wallet/a/b/EUR"}) {
    EXPECT_THAT(LedgerAccountId::Parse(wrong), HasCode(absl::StatusCode::kInvalidArgument))
        << wrong;
  }
}

TEST_F(LedgerTest, AWalletNeverGivesMoreThanItHas) {
  LedgerAccount wallet = WalletWith(100);
  Transfer take = Posted(101);
  std::swap(take.debit, take.credit);
  EXPECT_THAT(Apply(take, wallet), HasMessage("insufficient_funds: wallet/ann/EUR has 100"));
  EXPECT_EQ(wallet.balance(), 100);
  take.amount = 100;
  EXPECT_THAT(Apply(take, wallet), IsOk());
  EXPECT_EQ(wallet.balance(), 0);
}

TEST_F(LedgerTest, AnAccountWithoutLimitGivesWhatIsAsked) {
  LedgerAccount cash = OpenLedgerAccount(cash_);
  EXPECT_THAT(Apply(Posted(1'000'000), cash), IsOk());
  EXPECT_EQ(cash.balance(), -1'000'000);
}

TEST_F(LedgerTest, HeldMoneyIsStillOwnedButCannotBeSpentTwice) {
  LedgerAccount wallet = WalletWith(100);
  ASSERT_THAT(Apply(Held(70), wallet), IsOk());
  EXPECT_EQ(wallet.balance(), 100);
  EXPECT_EQ(wallet.available(), 30);
  EXPECT_THAT(Apply(Held(31), wallet), HasMessage("insufficient_funds"));
}

TEST_F(LedgerTest, TakingAPartOfWhatIsHeldFreesTheRest) {
  LedgerAccount wallet = WalletWith(100);
  ASSERT_THAT(Apply(Held(70), wallet), IsOk());
  ASSERT_OK_AND_ASSIGN(const Transfer post, DecidePost(Held(70), TransferId("p"), 50));
  ASSERT_THAT(Apply(post, wallet), IsOk());
  EXPECT_EQ(wallet.balance(), 50);
  EXPECT_EQ(wallet.available(), 50);
  EXPECT_THAT(DecidePost(Held(70), TransferId("p"), 71), HasMessage("cannot be taken"));
}

TEST_F(LedgerTest, GivingBackWhatIsHeldLeavesEverythingAsItWas) {
  LedgerAccount wallet = WalletWith(100);
  ASSERT_THAT(Apply(Held(70), wallet), IsOk());
  ASSERT_OK_AND_ASSIGN(const Transfer given_back, DecideVoid(Held(70), TransferId("v")));
  ASSERT_THAT(Apply(given_back, wallet), IsOk());
  EXPECT_EQ(wallet.available(), 100);
  EXPECT_EQ(wallet.debits_pending, 0);
}

TEST_F(LedgerTest, AHoldExpiresWhenItsTimeIsOverAndNotBefore) {
  EXPECT_THAT(DecideExpiry(Held(70), TransferId("e"), now_ + 59min), HasMessage("not_expired"));
  EXPECT_EQ(DecideExpiry(Held(70), TransferId("e"), now_ + 60min)->kind, Kind::kExpire);
  Transfer for_ever = Held(70);
  for_ever.expires_at = std::nullopt;
  EXPECT_THAT(DecideExpiry(for_ever, TransferId("e"), now_ + 9000h), HasMessage("not_expired"));
}

TEST_F(LedgerTest, OnlyWhatHoldsMoneyIsEndedAndOnlyWhatMovedItIsReversed) {
  EXPECT_THAT(DecidePost(Posted(1), TransferId("p"), 1), HasMessage("not_pending"));
  EXPECT_THAT(DecideVoid(Posted(1), TransferId("v")), HasMessage("not_pending"));
  EXPECT_THAT(DecideReversal(Held(1), TransferId("r")), HasMessage("not_posted"));
  ASSERT_OK_AND_ASSIGN(const Transfer back, DecideReversal(Posted(7), TransferId("r")));
  EXPECT_EQ(back.debit, wallet_);
  EXPECT_EQ(back.credit, cash_);
  EXPECT_EQ(back.amount, 7);
  EXPECT_EQ(back.reverses, TransferId("t"));
}

TEST_F(LedgerTest, AnEntryThatCannotBeRightIsRefused) {
  const auto check = [](const Transfer& t) { return CheckEntry({EntryId("e"), "test", {t}}); };
  EXPECT_THAT(check(Posted(1)), IsOk());
  EXPECT_THAT(check(Posted(0)), HasMessage("amount 0"));
  EXPECT_THAT(check(Posted(-1)), HasMessage("amount -1"));
  EXPECT_THAT(check(Posted(2'000'000'000'000'000)), HasMessage("is not 1 to"));
  Transfer t = Posted(1);
  t.credit = t.debit;
  EXPECT_THAT(check(t), HasMessage("moves nothing"));
  t = Posted(1);
  t.credit.currency = "USD";
  EXPECT_THAT(check(t), HasMessage("between EUR and USD"));
  t = Posted(1);
  t.kind = Kind::kPost;
  EXPECT_THAT(check(t), HasMessage("does not end a pending one"));
}

TEST_F(LedgerTest, MovingNothingWritesNothing) {
  Entry entry{EntryId("e"), "test", {}};
  entry.Move(cash_, wallet_, 0);
  entry.Move(cash_, wallet_, 5);
  entry.Move(cash_, wallet_, 6);
  ASSERT_EQ(entry.transfers.size(), 2u);
  EXPECT_EQ(entry.transfers[0].id, TransferId("e.1"));
  EXPECT_EQ(entry.transfers[1].id, TransferId("e.2"));
}

TEST_F(LedgerTest, WhatADocumentExplainsIsNotReversedByHand) {
  EXPECT_THAT(RefuseUnlessOnItsOwn({EntryId("hold-1"), "", {}}), IsOk());
  EXPECT_THAT(RefuseUnlessOnItsOwn({EntryId("invoice-1"), "", {}}),
              HasMessage("belongs_to_document"));
}

}  // namespace
}  // namespace holdfast::billing
