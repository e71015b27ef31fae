// The books on a real database: what their tables refuse, and random histories against a model.
#include <map>
#include <set>
#include <thread>

#include "services/billing/billing_money_test.h"
#include "services/billing/jobs_books.h"

namespace holdfast::billing {
namespace {

using namespace std::chrono_literals;
using test::HasCode;
using test::HasMessage;
using test::IsOk;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class BooksTest : public MoneyTest {
 protected:
  absl::StatusOr<v1::Transfer> Capture(const std::string& transfer, std::int64_t amount = 0) {
    v1::CaptureHoldRequest request;
    request.set_idempotency_key(NewKey());
    request.set_transfer_id(transfer);
    request.set_minor_units(amount);
    return books_.CaptureHold(Call(), request);
  }
  LedgerAccount Wallet(const std::string& account) {
    LedgerAccount wallet;
    EXPECT_THAT(store_.Transact(Soon(),
                                [&](Transaction& tx) -> absl::Status {
                                  HOLDFAST_ASSIGN_OR_RETURN(
                                      wallet,
                                      tx.FindLedgerAccount(WalletOf(AccountId(account), "EUR")));
                                  return absl::OkStatus();
                                }),
                IsOk());
    return wallet;
  }
  v1::VerifyBooksResponse VerifyBooks() {
    const auto answer = books_.VerifyBooks(Call(), {});
    EXPECT_THAT(answer, IsOk());
    return *answer;
  }
  std::vector<std::string> WrongChecks() {
    std::vector<std::string> names;
    const v1::VerifyBooksResponse report = VerifyBooks();
    for (const auto& problem : report.problems()) names.push_back(problem.check());
    return names;
  }

  HoldExpiryJob hold_expiry_{store_, clock_};
};

TEST_F(BooksTest, OffersEveryMethodOfItsProto) {
  rpc::ServiceTable table{BooksService::kServiceName};
  books_.Register(table);
  const auto* proto = google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(
      BooksService::kServiceName);
  std::set<std::string> offered;
  for (const auto& method : table.methods()) offered.insert(method.name);
  for (int i = 0; i < proto->method_count(); ++i) {
    EXPECT_TRUE(offered.contains(proto->method(i)->name())) << proto->method(i)->name();
  }
}

TEST_F(BooksTest, EmptyBooksAreRight) {
  const v1::VerifyBooksResponse report = VerifyBooks();
  EXPECT_TRUE(report.right());
  EXPECT_EQ(report.transfers(), 0u);
}

TEST_F(BooksTest, MoneyIsHeldTakenAndGivenBack) {
  CreateAccount("a");
  ASSERT_THAT(Adjust("a", 1000), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::Transfer hold, Hold("a", 400));
  EXPECT_EQ(Wallet("a").available(), 600);
  EXPECT_THAT(Hold("a", 601), HasMessage("insufficient_funds: wallet/a/EUR has 600 available"));
  ASSERT_THAT(Capture(hold.transfer_id(), 250), IsOk());
  EXPECT_EQ(Wallet("a").available(), 750);
  EXPECT_THAT(Capture(hold.transfer_id()), HasMessage("already_resolved"));
  EXPECT_THAT(Release(hold.transfer_id()), HasMessage("already_resolved"));
  ASSERT_OK_AND_ASSIGN(const v1::Transfer other, Hold("a", 750));
  ASSERT_THAT(Release(other.transfer_id()), IsOk());
  EXPECT_EQ(Wallet("a").available(), 750);
  EXPECT_TRUE(VerifyBooks().right());
}

TEST_F(BooksTest, AHoldThatNobodyTakesExpiresOnceOnTwoInstances) {
  CreateAccount("a");
  ASSERT_THAT(Adjust("a", 1000), IsOk());
  ASSERT_THAT(Hold("a", 400, 60), IsOk());
  ASSERT_THAT(Hold("a", 100), IsOk());
  ASSERT_THAT(hold_expiry_.Run(Soon()), IsOk());
  EXPECT_EQ(Wallet("a").available(), 500);
  clock_.Advance(61s);
  HoldExpiryJob other(store_, clock_);
  std::thread one([&] { (void)hold_expiry_.Run(Soon()); });
  std::thread two([&] { (void)other.Run(Soon()); });
  one.join();
  two.join();
  EXPECT_EQ(Wallet("a").available(), 900);
  EXPECT_THAT(hold_expiry_.Run(Soon()), IsOk());
  EXPECT_TRUE(VerifyBooks().right());
}

TEST_F(BooksTest, AnEntryIsReversedOnce) {
  CreateAccount("a");
  ASSERT_OK_AND_ASSIGN(const v1::Transfer given, Adjust("a", 1000));
  ASSERT_OK_AND_ASSIGN(const v1::ReverseEntryResponse back, Reverse(given.entry_id()));
  EXPECT_EQ(back.transfers(0).reverses(), given.transfer_id());
  EXPECT_EQ(Wallet("a").balance(), 0);
  EXPECT_THAT(Reverse(given.entry_id()), HasMessage("already_reversed"));
  ASSERT_THAT(Reverse(back.transfers(0).entry_id()), IsOk());  // the mistake was none
  EXPECT_EQ(Wallet("a").balance(), 1000);
}

TEST_F(BooksTest, WhatIsSpentCannotBeTakenBack) {
  CreateAccount("a");
  ASSERT_OK_AND_ASSIGN(const v1::Transfer given, Adjust("a", 1000));
  ASSERT_THAT(Adjust("a", -1), IsOk());
  EXPECT_THAT(Reverse(given.entry_id()), HasMessage("insufficient_funds"));
  EXPECT_THAT(Adjust("a", -1000), HasMessage("insufficient_funds"));
  EXPECT_EQ(Wallet("a").balance(), 999);
}

TEST_F(BooksTest, TransfersAreListedFromAPositionWithoutGaps) {
  CreateAccount("a");
  CreateAccount("b");
  for (int i = 1; i <= 5; ++i) ASSERT_THAT(Adjust(i % 2 ? "a" : "b", i), IsOk());
  std::vector<std::int64_t> seen;
  v1::ListTransfersRequest request;
  request.set_page_size(2);
  bool more = true;
  while (more) {
    ASSERT_OK_AND_ASSIGN(const v1::ListTransfersResponse page,
                         books_.ListTransfers(Call(), request));
    for (const v1::Transfer& t : page.transfers()) {
      EXPECT_EQ(t.position(), seen.size() + 1);
      seen.push_back(t.amount().minor_units());
    }
    request.set_after_position(page.last_position());
    more = page.more();
  }
  EXPECT_THAT(seen, ElementsAre(1, 2, 3, 4, 5));
  request.set_after_position(0);
  request.set_ledger_account("wallet/b/EUR");
  EXPECT_THAT(books_.ListTransfers(Call(), request)->transfers(), SizeIs(2));
}

TEST_F(BooksTest, BalancesAreListedPageByPage) {
  for (const std::string id : {"a", "b", "c"}) {
    CreateAccount(id);
    ASSERT_THAT(Adjust(id, 10), IsOk());
  }
  v1::ListBalancesRequest request;
  request.set_kind("wallet");
  request.set_page_size(2);
  ASSERT_OK_AND_ASSIGN(v1::ListBalancesResponse page, books_.ListBalances(Call(), request));
  EXPECT_THAT(page.balances(), SizeIs(2));
  request.set_page_token(page.next_page_token());
  ASSERT_OK_AND_ASSIGN(page, books_.ListBalances(Call(), request));
  ASSERT_THAT(page.balances(), SizeIs(1));
  EXPECT_EQ(page.balances(0).ledger_account(), "wallet/c/EUR");
  EXPECT_EQ(page.next_page_token(), "");
}

// -- What the tables themselves refuse ------------------------------------------------------------

TEST_F(BooksTest, NobodyChangesWhatWasWritten) {
  CreateAccount("a");
  ASSERT_THAT(Adjust("a", 1000), IsOk());
  EXPECT_THAT(Sql("UPDATE ledger_transfer SET amount = 1"), HasMessage("never changed"));
  EXPECT_THAT(Sql("DELETE FROM ledger_transfer"), HasMessage("never changed"));
  EXPECT_THAT(Sql("TRUNCATE ledger_transfer CASCADE"), HasMessage("never changed"));
}

TEST_F(BooksTest, TheTablesRefuseWhatTheCodeShouldNeverAsk) {
  CreateAccount("a");
  ASSERT_THAT(Adjust("a", 1000), IsOk());
  const auto post = [&](Transfer t) {
    return store_.Transact(Soon(), [&](Transaction& tx) {
      return tx.Post({EntryId(t.id.value()), "forced", {t}});
    });
  };
  const LedgerAccountId wallet = WalletOf(AccountId("a"), "EUR");
  const LedgerAccountId vod{LedgerKind::kRevenue, "vod", "EUR"};
  EXPECT_THAT(post({.id = TransferId("x"), .debit = wallet, .credit = vod, .amount = 1001}),
              HasMessage("insufficient_funds"));
  // A post of something that was never pending, or of another amount.
  EXPECT_THAT(post({.id = TransferId("x"),
                    .kind = Transfer::Kind::kPost,
                    .debit = wallet,
                    .credit = vod,
                    .amount = 5,
                    .resolves = TransferId("nothing"),
                    .released = 5}),
              HasCode(absl::StatusCode::kFailedPrecondition));
  ASSERT_OK_AND_ASSIGN(const v1::Transfer hold, Hold("a", 100));
  EXPECT_THAT(post({.id = TransferId("x"),
                    .kind = Transfer::Kind::kPost,
                    .debit = wallet,
                    .credit = vod,
                    .amount = 100,
                    .resolves = TransferId(hold.transfer_id()),
                    .released = 200}),
              HasCode(absl::StatusCode::kFailedPrecondition));
  // A reversal of what moved another amount.
  ASSERT_OK_AND_ASSIGN(const v1::Transfer given, Adjust("a", 10));
  EXPECT_THAT(post({.id = TransferId("x"),
                    .debit = wallet,
                    .credit = {LedgerKind::kPromotion, "goodwill", "EUR"},
                    .amount = 9,
                    .reverses = TransferId(given.transfer_id())}),
              HasCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_TRUE(VerifyBooks().right());
}

// -- That wrong books are noticed -----------------------------------------------------------------

TEST_F(BooksTest, AChangedBalanceIsFound) {
  CreateAccount("a");
  ASSERT_THAT(Adjust("a", 1000), IsOk());
  ASSERT_THAT(Sql("UPDATE ledger_account SET credits_posted = credits_posted + 1"
                  " WHERE kind = 'wallet'"),
              IsOk());
  EXPECT_THAT(WrongChecks(),
              ElementsAre("balances_follow_from_transfers", "every_ledger_sums_to_nothing"));
  EXPECT_THAT(registry_.Scrape(), testing::HasSubstr("holdfast_billing_books_unbalanced 2"));
}

TEST_F(BooksTest, ARemovedTransferIsFound) {
  CreateAccount("a");
  ASSERT_THAT(Adjust("a", 1000), IsOk());
  ASSERT_THAT(Adjust("a", 1), IsOk());
  ASSERT_THAT(Sql("ALTER TABLE ledger_transfer DISABLE TRIGGER ALL;"
                  "DELETE FROM ledger_transfer WHERE position = 2;"
                  "ALTER TABLE ledger_transfer ENABLE TRIGGER ALL"),
              IsOk());
  // Both of its accounts show it.
  EXPECT_THAT(WrongChecks(),
              ElementsAre("balances_follow_from_transfers", "balances_follow_from_transfers",
                          "no_transfer_is_missing"));
}

// -- Random histories -----------------------------------------------------------------------------

// The same rules in memory.
class Model {
 public:
  std::int64_t& available(const std::string& account) { return wallets_[account].available; }
  std::int64_t& balance(const std::string& account) { return wallets_[account].balance; }
  struct OpenHold {
    std::string account;
    std::int64_t amount;
  };
  std::map<std::string, OpenHold> holds;

 private:
  struct Wallet {
    std::int64_t balance = 0;
    std::int64_t available = 0;
  };
  std::map<std::string, Wallet> wallets_;
};

TEST_F(BooksTest, AnyHistoryLeavesTheBooksAsTheModelSays) {
  const std::uint64_t seed = SecureSeed();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  SeededRandom random(seed);
  Model model;
  const std::vector<std::string> accounts = {"a", "b", "c"};
  for (const std::string& account : accounts) CreateAccount(account);
  for (int step = 0; step < 300; ++step) {
    const std::string& account = accounts[random.Below(3)];
    const auto amount = static_cast<std::int64_t>(1 + random.Below(500));
    const bool enough = model.available(account) >= amount;
    switch (random.Below(5)) {
      case 0:
        ASSERT_THAT(Adjust(account, amount), IsOk());
        model.balance(account) += amount;
        model.available(account) += amount;
        break;
      case 1:
        ASSERT_EQ(Adjust(account, -amount).ok(), enough);
        model.balance(account) -= enough ? amount : 0;
        model.available(account) -= enough ? amount : 0;
        break;
      case 2: {
        const auto hold = Hold(account, amount);
        ASSERT_EQ(hold.ok(), enough);
        if (!enough) break;
        model.available(account) -= amount;
        model.holds[hold->transfer_id()] = {account, amount};
        break;
      }
      default: {
        if (model.holds.empty()) break;
        auto hold =
            std::next(model.holds.begin(), static_cast<int>(random.Below(model.holds.size())));
        const Model::OpenHold held = hold->second;
        const std::int64_t taken =
            random.Below(2) == 0 ? 0 : static_cast<std::int64_t>(1 + random.Below(held.amount));
        ASSERT_THAT(taken == 0 ? Release(hold->first) : Capture(hold->first, taken), IsOk());
        model.balance(held.account) -= taken;
        model.available(held.account) += held.amount - taken;
        model.holds.erase(hold);
      }
    }
  }
  for (const std::string& account : accounts) {
    EXPECT_EQ(Wallet(account).balance(), model.balance(account));
    EXPECT_EQ(Wallet(account).available(), model.available(account));
  }
  EXPECT_THAT(WrongChecks(), IsEmpty());
}

// Everything is undone by several at once, each entry several times: every entry is undone once.
TEST_F(BooksTest, UndoingEverythingManyTimesUndoesItOnce) {
  const std::uint64_t seed = SecureSeed();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  SeededRandom random(seed);
  constexpr int kEntries = 40;
  constexpr int kDuplicates = 3;
  CreateAccount("a");
  std::vector<std::string> entries;
  for (int i = 0; i < kEntries; ++i) {
    entries.push_back(Adjust("a", static_cast<std::int64_t>(1 + random.Below(100)))->entry_id());
  }
  std::atomic<int> undone = 0;
  std::atomic<int> refused = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kDuplicates; ++t) {
    threads.emplace_back([&, t] {
      for (const std::string& entry : entries) {
        v1::ReverseEntryRequest request;
        request.set_idempotency_key(fmt::format("undo-{}-{}", t, entry));
        request.set_entry_id(entry);
        request.set_reason("all of it");
        const auto answer = books_.ReverseEntry(
            rpc::Call(Soon(), telemetry::TraceContext::Start(random_)), request);
        ++(answer.ok() ? undone : refused);
        EXPECT_THAT(answer, testing::AnyOf(IsOk(), HasMessage("already_reversed")));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(undone, kEntries);
  EXPECT_EQ(refused, kEntries * (kDuplicates - 1));
  EXPECT_EQ(Wallet("a").balance(), 0);
  EXPECT_THAT(WrongChecks(), IsEmpty());
}

}  // namespace
}  // namespace holdfast::billing
