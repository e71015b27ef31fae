#include "services/middleware/billing_words.h"

#include <gmock/gmock.h>

#include <set>

#include "libs/base/status.h"
#include "libs/rpc/error_info.h"

namespace holdfast::middleware {
namespace {

namespace bv1 = billing::v1;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

absl::Status Refused(const std::string& reason, const std::string& domain = "billing.holdfast") {
  return rpc::WithReason(FailedPrecondition("no"), {reason, domain});
}

TEST(BillingWordsTest, ReasonsAreReadFromTheDetails) {
  EXPECT_EQ(RefusalOf(Refused("INSUFFICIENT_FUNDS")), bv1::INSUFFICIENT_FUNDS);
  EXPECT_EQ(RefusalOf(Refused("INSUFFICIENT_FUNDS", "somebody.else")), std::nullopt);
  EXPECT_EQ(RefusalOf(Refused("OF_A_LATER_RELEASE")), std::nullopt);
  EXPECT_EQ(RefusalOf(Refused("REFUSAL_REASON_UNSPECIFIED")), std::nullopt);
  EXPECT_EQ(RefusalOf(FailedPrecondition("insufficient_funds: no")), std::nullopt);
  EXPECT_EQ(RefusalOf(absl::OkStatus()), std::nullopt);
}

TEST(BillingWordsTest, EveryReasonHasASentenceForPeople) {
  const auto* list = bv1::RefusalReason_descriptor();
  std::set<std::string_view> sentences;
  for (int i = 0; i < list->value_count(); ++i) {
    const auto reason = static_cast<bv1::RefusalReason>(list->value(i)->number());
    const std::string_view sentence = SentenceOf(reason);
    EXPECT_TRUE(sentence.ends_with('.')) << list->value(i)->name();
    EXPECT_THAT(std::string(sentence), Not(HasSubstr("_"))) << list->value(i)->name();
    sentences.insert(sentence);
  }
  EXPECT_GT(sentences.size(), 30u) << "most say what it is about";
}

TEST(BillingWordsTest, EveryReasonForNothingToWatchIsTold) {
  const auto* list = bv1::Entitlement::Reason_descriptor();
  for (int i = 0; i < list->value_count(); ++i) {
    bv1::Entitlement entitlement;
    entitlement.set_reason(static_cast<bv1::Entitlement::Reason>(list->value(i)->number()));
    const std::string notice = NoticeOf(entitlement);
    EXPECT_EQ(notice.empty(), list->value(i)->number() == 0) << list->value(i)->name();
  }
}

TEST(BillingWordsTest, ADebtIsToldWithItsDay) {
  bv1::Entitlement entitlement;
  entitlement.set_reason(bv1::Entitlement::REASON_UNPAID);
  entitlement.set_currency("EUR");
  EXPECT_EQ(NoticeOf(entitlement), "Your account is blocked because it is not paid.");
  entitlement.set_owed_minor_units(1190);
  EXPECT_EQ(NoticeOf(entitlement),
            "Your account is blocked because it is not paid. 11.90 EUR to pay.");
  entitlement.set_due_on("2026-02-14");
  EXPECT_THAT(NoticeOf(entitlement), HasSubstr("11.90 EUR to pay, due on 2026-02-14."));
  entitlement.set_currency("<b>");
  EXPECT_EQ(NoticeOf(entitlement), "Your account is blocked because it is not paid.");
  entitlement.clear_reason();
  EXPECT_THAT(NoticeOf(entitlement), IsEmpty());
}

}  // namespace
}  // namespace holdfast::middleware
