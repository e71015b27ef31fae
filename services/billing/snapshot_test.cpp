#include "services/billing/snapshot.h"

#include <filesystem>

#include "libs/security/key_folder.h"
#include "libs/security/record_signature.h"
#include "libs/testing/temp_dir.h"
#include "services/billing/billing_fixture_test.h"
#include "services/billing/jobs.h"

namespace holdfast::billing {
namespace {

using namespace std::chrono_literals;
using security::KeyFolder;
using security::KeySet;
using security::RecordVerdict;
using test::IsOk;
using testing::ElementsAre;

RecordVerdict Verify(const v1::Entitlement& told, const KeySet& keys) {
  const v1::SignedEntitlement& copy = told.signed_copy();
  return security::VerifyRecord(security::kEntitlementPurpose, copy.entitlement(),
                                {copy.key_id(), copy.signature()}, keys);
}

// What stands under the signature.
v1::Entitlement SignedIn(const v1::Entitlement& told) {
  v1::Entitlement entitlement;
  EXPECT_TRUE(entitlement.ParseFromString(told.signed_copy().entitlement()));
  return entitlement;
}

TEST(SnapshotTest, TheSignedCopySaysWhatThePlainFieldsSay) {
  const KeySet keys = KeySet::ForTest("2026-01", "0123456789abcdef0123456789abcdef");
  const Facts facts{.account = {.id = AccountId("ann"), .full_name = "Ann"}, .revision = 7};
  v1::Entitlement told;
  ASSERT_TRUE(told.ParseFromString(Snapshot(facts, {}, keys)));
  EXPECT_EQ(told.account_id(), "ann");
  EXPECT_EQ(told.revision(), 7u);
  EXPECT_EQ(told.signed_copy().key_id(), "2026-01");
  EXPECT_EQ(Verify(told, keys), RecordVerdict::kGood);

  v1::Entitlement plain;
  ASSERT_TRUE(plain.ParseFromString(Snapshot(facts, {}, KeySet())));
  EXPECT_FALSE(plain.has_signed_copy());
  EXPECT_EQ(told.signed_copy().entitlement(), plain.SerializeAsString());
  EXPECT_EQ(SignedIn(told).full_name(), "Ann");
  // Two instances that hold one key say the same.
  EXPECT_EQ(Snapshot(facts, {}, keys), Snapshot(facts, {}, keys));
}

// As an instance makes it, with the keys of a folder.
class SignedEntitlementsTest : public ServiceTest {
 protected:
  void SetUp() override {
    ServiceTest::SetUp();
    ASSERT_THAT(security::CreateKey(dir_.File("keys"), "2026-01"), IsOk());
    ASSERT_THAT(folder_.Reload(), IsOk());
    signing_ = Make();
    CreateAccountAndPlan("a");
  }
  std::unique_ptr<Entitlements> Make() {
    return std::make_unique<Entitlements>(
        Entitlements::Dependencies{store_, metrics_, workers_, clock_, registry_, {}, &folder_},
        dir_.File("entitlements"));
  }
  v1::Entitlement Get() {
    const auto told = signing_->Get(AccountId("a"), Soon());
    EXPECT_THAT(told, IsOk());
    return told.ok() ? *told : v1::Entitlement();
  }

  test::TempDir dir_;
  KeyFolder folder_{dir_.File("keys"), KeyFolder::Need::kToSign};
  std::unique_ptr<Entitlements> signing_;
};

TEST_F(SignedEntitlementsTest, AnswersAndTheFeedCarryOneSignature) {
  ASSERT_THAT(Start("a", "basic"), IsOk());
  EntitlementFeed feed(store_, *signing_, metrics_);
  ASSERT_THAT(feed.Run(Soon()), IsOk());
  const replica::Update update = feed.publication().Next("billing", 1, Deadline::After(0s));
  ASSERT_EQ(update.items.size(), 1u);
  v1::Entitlement published;
  ASSERT_TRUE(published.ParseFromString(*update.items[0].second));
  EXPECT_EQ(Verify(published, *folder_.Current()), RecordVerdict::kGood);
  EXPECT_THAT(SignedIn(published).package_ids(), ElementsAre("base", "sport"));
  EXPECT_EQ(SignedIn(published).revision(), published.revision());
  EXPECT_EQ(Get().SerializeAsString(), published.SerializeAsString());
}

TEST_F(SignedEntitlementsTest, TheNewestKeySignsWhatIsReadNext) {
  EXPECT_EQ(Get().signed_copy().key_id(), "2026-01");
  ASSERT_THAT(security::CreateKey(dir_.File("keys"), "2026-02"), IsOk());
  ASSERT_THAT(folder_.Reload(), IsOk());
  EXPECT_EQ(Get().signed_copy().key_id(), "2026-01");  // as it was read
  clock_.Advance(2min);
  EXPECT_EQ(Get().signed_copy().key_id(), "2026-02");
  EXPECT_EQ(Verify(Get(), *folder_.Current()), RecordVerdict::kGood);
}

TEST_F(SignedEntitlementsTest, TheCopyOnDiskKeepsTheSignatureThatItHas) {
  const std::string before = Get().SerializeAsString();
  ASSERT_THAT(signing_->SaveToDisk(), IsOk());
  gate_.Cut();
  ASSERT_THAT(security::CreateKey(dir_.File("keys"), "2026-02"), IsOk());
  ASSERT_THAT(folder_.Reload(), IsOk());
  signing_ = Make();
  clock_.Advance(24h);
  EXPECT_EQ(Get().SerializeAsString(), before);
  EXPECT_EQ(Get().signed_copy().key_id(), "2026-01");
  gate_.Open();
}

TEST_F(SignedEntitlementsTest, WithoutAKeyNothingIsSigned) {
  EXPECT_FALSE(EntitlementOf("a")->has_signed_copy());
}

}  // namespace
}  // namespace holdfast::billing
