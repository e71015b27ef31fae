// Webhooks out and reminders: each thing is told, once by its id, until somebody takes it.
#include <gmock/gmock.h>

#include <atomic>
#include <map>

#include "absl/synchronization/barrier.h"
#include "services/billing/billing_money_test.h"
#include "services/billing/jobs_events.h"
#include "services/billing/signature.h"

namespace holdfast::billing {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;
using test::IsOk;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class EventsTest : public MoneyTest {
 protected:
  EventsTest() { EXPECT_THAT(Put(Monthly("basic", 1000)), IsOk()); }

  // The database dates what is written by its own clock; here it happened on the test's day.
  void DateEvents() {
    EXPECT_THAT(pool_.Query(Soon(),
                            "UPDATE event SET created_at = $1, try_at = $1 "
                            "WHERE created_at > now() - interval '1 hour'",
                            clock_.Now()),
                IsOk());
  }
  // What arrived since the last time.
  std::vector<std::string> Send() {
    DateEvents();
    arrived_.clear();
    EXPECT_THAT(sender_.Run(Soon()), IsOk());
    return arrived_;
  }
  v1::RecordPaymentRequest Payment(std::int64_t minor_units) {
    v1::RecordPaymentRequest request;
    request.set_idempotency_key(NewKey());
    request.set_account_id("ann");
    *request.mutable_amount() = ToProto(*holdfast::Money::Make(minor_units, "EUR"));
    request.set_method("cash");
    return request;
  }
  std::vector<std::string> Reminders() {
    EXPECT_THAT(dunning_.RunFor(Today(), Soon()), IsOk());
    std::vector<std::string> reminders;
    for (const std::string& body : Send()) {
      if (body.find("dunning.notice") != body.npos) reminders.push_back(body);
    }
    return reminders;
  }

  PgStore store_that_tells_{pool_, Events::kWritten};
  Service told_{store_that_tells_, entitlements_, metrics_, clock_};
  PaymentsService paid_{store_that_tells_, entitlements_, clock_};
  RenewalJob renewals_told_{store_that_tells_, metrics_, clock_, {}};
  int answer_ = 200;
  std::vector<std::string> arrived_;
  EventSender sender_{{store_that_tells_, metrics_, clock_, random_},
                      {.url = "http://x", .secret = "secret", .at_once = 1},
                      [this](Deadline, const std::string& body,
                             const std::string& signature) -> absl::StatusOr<int> {
                        EXPECT_THAT(CheckSignature(signature, "secret", body, clock_.Now()),
                                    IsOk());
                        arrived_.push_back(body);
                        if (answer_ == 0) return Unavailable("refused");
                        return answer_;
                      }};
  DunningJob dunning_{store_that_tells_, metrics_, *ParseDunningSchedule("1,7,14")};
};

TEST_F(EventsTest, APaymentIsToldOnce) {
  Open("ann", v1::CHARGING_PREPAID);
  const v1::RecordPaymentRequest request = Payment(500);
  ASSERT_THAT(paid_.RecordPayment(Call(), request), IsOk());
  ASSERT_THAT(paid_.RecordPayment(Call(), request), IsOk());
  EXPECT_THAT(Send(), testing::ElementsAre(HasSubstr(R"("kind":"payment.taken")")));
  EXPECT_THAT(Send(), IsEmpty());
}

TEST_F(EventsTest, SeveralAreToldAtOnceAndTheOneThatIsRefusedComesAgain) {
  constexpr int kAtOnce = 4;
  Open("ann", v1::CHARGING_PREPAID);
  for (int i = 0; i < kAtOnce; ++i) ASSERT_THAT(paid_.RecordPayment(Call(), Payment(500)), IsOk());
  DateEvents();
  // Nobody is answered before all have come.
  absl::Barrier* all_are_here = new absl::Barrier(kAtOnce);  // deletes itself: see Barrier::Block
  std::atomic<int> arrived = 0;
  EventSender sender({store_that_tells_, metrics_, clock_, random_},
                     {.url = "http://x", .secret = "secret", .at_once = kAtOnce},
                     [&](Deadline, const std::string&, const std::string&) -> absl::StatusOr<int> {
                       const int number = ++arrived;
                       if (number <= kAtOnce && all_are_here->Block()) delete all_are_here;
                       return number == 2 ? 500 : 200;
                     });
  EXPECT_THAT(sender.Run(Soon()), IsOk());
  EXPECT_EQ(arrived, kAtOnce);
  clock_.Advance(7s);
  EXPECT_THAT(sender.Run(Soon()), IsOk());
  EXPECT_EQ(arrived, kAtOnce + 1);
  EXPECT_EQ(pool_.Query(Soon(), "SELECT count(*) FROM event WHERE delivered_at IS NULL")->Int(0, 0),
            0);
}

TEST_F(EventsTest, WhatIsRefusedIsNotTold) {
  Open("ann", v1::CHARGING_PREPAID);
  v1::StartSubscriptionRequest start;
  start.set_idempotency_key(NewKey());
  start.set_account_id("ann");
  start.set_tariff_plan_id("basic");
  EXPECT_FALSE(told_.StartSubscription(Call(), start).ok());  // no money
  EXPECT_THAT(Send(), IsEmpty());
}

TEST_F(EventsTest, WhatNobodyTookIsSentAgainLaterAndLater) {
  Open("ann", v1::CHARGING_PREPAID);
  ASSERT_THAT(paid_.RecordPayment(Call(), Payment(500)), IsOk());
  answer_ = 500;
  EXPECT_THAT(Send(), SizeIs(1));
  EXPECT_THAT(Send(), IsEmpty());  // not at once
  answer_ = 0;
  clock_.Advance(7s);
  EXPECT_THAT(Send(), SizeIs(1));
  clock_.Advance(7s);
  EXPECT_THAT(Send(), IsEmpty());  // 10 s by now, less or more a fifth
  answer_ = 204;
  clock_.Advance(6s);
  EXPECT_THAT(Send(), SizeIs(1));
  clock_.Advance(24h);
  EXPECT_THAT(Send(), IsEmpty());
}

TEST_F(EventsTest, WhatNobodyTakesForDaysIsGivenUp) {
  Open("ann", v1::CHARGING_PREPAID);
  ASSERT_THAT(paid_.RecordPayment(Call(), Payment(500)), IsOk());
  answer_ = 500;
  DateEvents();
  clock_.Advance(kGiveUpEventAfter + 1h);
  EXPECT_THAT(Send(), SizeIs(1));
  clock_.Advance(24h);
  EXPECT_THAT(Send(), IsEmpty());
}

TEST_F(EventsTest, WithoutAListenerNothingIsWrittenDown) {
  Open("ann", v1::CHARGING_PREPAID);
  ASSERT_THAT(payments_.RecordPayment(Call(), Payment(500)), IsOk());
  EXPECT_EQ(pool_.Query(Soon(), "SELECT count(*) FROM event")->Int(0, 0), 0);
}

TEST_F(EventsTest, AnUnpaidInvoiceIsRemindedOfStepByStep) {
  Open("ann", v1::CHARGING_POSTPAID);
  ASSERT_THAT(Start("ann", "basic"), IsOk());  // due in 14 days
  GoTo(Today() + days(14));
  EXPECT_THAT(Reminders(), IsEmpty());
  GoTo(Today() + days(1));
  EXPECT_THAT(Reminders(), testing::ElementsAre(HasSubstr(R"("step":"1")")));
  EXPECT_THAT(Reminders(), IsEmpty());  // the job may run twice
  GoTo(Today() + days(20));             // and late: the step of today, not all that were missed
  EXPECT_THAT(Reminders(), testing::ElementsAre(HasSubstr(R"("step":"3")")));
  GoTo(Today() + days(100));
  EXPECT_THAT(Reminders(), IsEmpty());
}

TEST_F(EventsTest, APaidInvoiceIsNotRemindedOf) {
  Open("ann", v1::CHARGING_POSTPAID);
  ASSERT_THAT(Start("ann", "basic"), IsOk());
  ASSERT_THAT(paid_.RecordPayment(Call(), Payment(1000)), IsOk());
  GoTo(Today() + days(15));
  EXPECT_THAT(Reminders(), IsEmpty());
}

// Before service is gone: the first failure is told while there is time.
TEST_F(EventsTest, APrepaidChargeThatFailsIsToldOnTheFirstDayAndServiceIsTakenLaterWithAnEvent) {
  Open("ann", v1::CHARGING_PREPAID);
  ASSERT_THAT(paid_.RecordPayment(Call(), Payment(1000)), IsOk());
  ASSERT_THAT(Start("ann", "basic"), IsOk());
  std::map<std::string, int> told;
  bool suspended_with_event = false;
  for (int day = 0; day < 45; ++day) {
    GoTo(Today() + days(1));
    EXPECT_THAT(renewals_told_.RunFor(Today(), Soon()), IsOk());
    ExpiryJob expiry(store_that_tells_, metrics_, clock_);
    EXPECT_THAT(expiry.RunFor(Today(), Soon()), IsOk());
    for (const std::string& body : Send()) {
      if (body.find("charge.refused") != body.npos) {
        ++told["refused"];
        EXPECT_FALSE(suspended_with_event);
      }
      if (body.find(R"("state":"suspended")") == body.npos) continue;
      suspended_with_event = body.find(R"("suspended_by":"debt-)") != body.npos;
    }
  }
  EXPECT_EQ(told["refused"], 1);
  EXPECT_TRUE(suspended_with_event);
}

}  // namespace
}  // namespace holdfast::billing
