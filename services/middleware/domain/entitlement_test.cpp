#include "services/middleware/domain/entitlement.h"

#include <gtest/gtest.h>

namespace holdfast::middleware {
namespace {

constexpr std::int64_t kNow = 1767348000;
const WallTime kTime = FromEpochSeconds(kNow);
const AccountId kAccount("a1");

Channel InPackage(const char* package) {
  Channel channel;
  channel.id = ChannelId(7);
  channel.package = PackageId(package);
  return channel;
}

Entitlement Basic() {
  Entitlement e;
  e.account = kAccount;
  e.packages = PackageSet({"sport", "basic"});
  return e;
}

SharedEntitlement Share(Entitlement e) { return std::make_shared<const Entitlement>(std::move(e)); }

TEST(EntitlementTest, AChannelOfAPackageMayBeWatched) {
  EXPECT_EQ(MayWatch(Basic(), InPackage("basic"), kTime), Verdict::kAllowed);
  EXPECT_EQ(MayWatch(Basic(), InPackage("sport"), kTime), Verdict::kAllowed);
  EXPECT_EQ(MayWatch(Basic(), InPackage("cinema"), kTime), Verdict::kNotInPackage);
}

TEST(EntitlementTest, OnlyABillingEventBlocks) {
  Entitlement e = Basic();
  e.standing = Entitlement::Standing::kGrace;
  EXPECT_EQ(MayWatch(e, InPackage("basic"), kTime), Verdict::kAllowed);
  e.standing = Entitlement::Standing::kSuspended;
  EXPECT_EQ(MayWatch(e, InPackage("basic"), kTime), Verdict::kBlocked);
  e.standing = Entitlement::Standing::kClosed;
  EXPECT_EQ(MayWatch(e, InPackage("basic"), kTime), Verdict::kBlocked);
}

TEST(EntitlementTest, PaidTimeIsFollowedByGrace) {
  Entitlement e = Basic();
  e.valid_until = kNow - 1;
  EXPECT_EQ(MayWatch(e, InPackage("basic"), kTime), Verdict::kAllowed);  // default grace: a week
  e.valid_until = kNow - std::chrono::seconds(kDefaultGrace).count();
  EXPECT_EQ(MayWatch(e, InPackage("basic"), kTime), Verdict::kLapsed);
  e.grace_until = kNow + 1;
  EXPECT_EQ(MayWatch(e, InPackage("basic"), kTime), Verdict::kAllowed);
  e.grace_until = kNow;
  EXPECT_EQ(MayWatch(e, InPackage("basic"), kTime), Verdict::kLapsed);
}

TEST(EntitlementTest, OpenEndedNeverLapses) {
  Entitlement e = Basic();
  e.grace_until = kNow - 1;
  EXPECT_EQ(MayWatch(e, InPackage("basic"), kTime), Verdict::kAllowed);
}

TEST(KnowledgeTest, TheNewerOfCacheAndTokenWinsAndTheCacheWinsATie) {
  Entitlement older = Basic();
  older.revision = 3;
  Entitlement newer = Basic();
  newer.revision = 4;
  const SharedEntitlement unknown = Share({});
  EXPECT_EQ(BestKnowledge(kAccount, Share(newer), Share(older), unknown).source, Source::kBilling);
  EXPECT_EQ(BestKnowledge(kAccount, Share(older), Share(newer), unknown).source, Source::kToken);
  EXPECT_EQ(BestKnowledge(kAccount, Share(older), Share(older), unknown).source, Source::kBilling);
  EXPECT_EQ(BestKnowledge(kAccount, nullptr, Share(older), unknown).source, Source::kToken);
}

TEST(KnowledgeTest, WhenNobodyEverToldTheDefaultHolds) {
  const SharedEntitlement unknown = Share(Basic());
  const Knowledge knowledge = BestKnowledge(kAccount, nullptr, nullptr, unknown);
  EXPECT_EQ(knowledge.source, Source::kDefault);
  EXPECT_EQ(knowledge.entitlement, unknown);
}

TEST(KnowledgeTest, ATokenOfAnotherAccountSaysNothing) {
  Entitlement foreign = Basic();
  foreign.account = AccountId("a2");
  foreign.revision = 99;
  EXPECT_EQ(BestKnowledge(kAccount, nullptr, Share(foreign), Share({})).source, Source::kDefault);
}

}  // namespace
}  // namespace holdfast::middleware
