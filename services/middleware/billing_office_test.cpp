// What billing's audit log is told of who wants a command. That each command tells it is shown with
// the real billing (tests/contract).
#include "services/middleware/billing_office.h"

#include <gmock/gmock.h>

namespace holdfast::middleware {
namespace {

TEST(PersonTest, HasAKindAndAName) {
  EXPECT_EQ(PersonOf("viewer", "00:1A:79:00:00:01"), "viewer:00:1A:79:00:00:01");
  EXPECT_EQ(PersonOf("script", "crm"), "script:crm");
}

// Billing refuses a command whose person it cannot take, and nobody loses a command by his name.
TEST(PersonTest, OfAnyNameIsWhatBillingTakes) {
  EXPECT_EQ(PersonOf("script", "a\nb\x7f"), "script:a b");
  EXPECT_EQ(PersonOf("script", " crm  "), "script: crm");
  EXPECT_EQ(PersonOf("script", ""), "script:");
  EXPECT_EQ(PersonOf("script", "\xff"), "script:\xef\xbf\xbd");
  // "é" has two bytes, "€" three: none is cut in two.
  for (const std::string letter : {"a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"}) {
    std::string name;
    while (name.size() < 400) name += letter;
    const std::string person = PersonOf("script", name);
    EXPECT_LE(person.size(), 200u);
    EXPECT_GT(person.size(), 200u - letter.size());
    EXPECT_EQ((person.size() - 7) % letter.size(), 0u) << letter;
  }
}

TEST(ErrandTest, AStepIsTheSameWishUnderAKeyOfItsOwn) {
  const Errand errand{"script:crm", "oss-1", Deadline::Never()};
  EXPECT_EQ(errand.Step("plan").key, "oss-1-plan");
  EXPECT_EQ(errand.Step("plan").person, "script:crm");
}

}  // namespace
}  // namespace holdfast::middleware
