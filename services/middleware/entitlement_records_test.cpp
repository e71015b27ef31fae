#include "services/middleware/entitlement_records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "libs/testing/status_matchers.h"
#include "libs/testing/temp_dir.h"
#include "services/middleware/entitlement_signer_test.h"

namespace holdfast::middleware {
namespace {

using test::HasCode;
using test::IsOk;
using ::testing::HasSubstr;
using ::testing::Not;

class EntitlementRecordsTest : public testing::Test {
 protected:
  void SetUp() override {
    PutPublicKey(january_, dir_.path());
    ASSERT_THAT(folder_.Reload(), IsOk());
  }

  // What is held after the feed told `told`; as it was if that is refused at the door.
  SharedBytes Offer(const SharedBytes& held, const std::string& told,
                    const std::string& account = "ann") {
    const auto snapshot = records_.Open(account, told);
    if (!snapshot.ok()) return held;
    SharedBytes after = records_.Offer(account, held, *snapshot);
    return after == nullptr ? held : after;
  }
  SharedBytes Used(const SharedBytes& held, const std::string& account = "ann") {
    return records_.Judge(account, held).kept;
  }
  // The revision that is believed at the first use; 0: nothing is.
  std::uint64_t Revision(const SharedBytes& held, const std::string& account = "ann") {
    return records_.Judge(account, held).entitlement.revision();
  }
  SharedBytes HoldingRevision(std::uint64_t revision) {
    return Used(Offer(nullptr, Told("ann", {.revision = revision}, january_)));
  }
  int Verified() { return Count("holdfast_middleware_entitlements_verified_total "); }
  int Refused(const std::string& reason) {
    return Count("holdfast_middleware_entitlements_refused_total{reason=\"" + reason + "\"} ");
  }
  int Count(const std::string& sample) {
    const std::string page = metrics_.Scrape();
    const std::size_t at = page.find("\n" + sample);
    return at == std::string::npos ? 0 : std::atoi(page.c_str() + at + 1 + sample.size());
  }

  const security::KeySet january_ = SignerForTest("2026-01", 'j');
  const security::KeySet february_ = SignerForTest("2026-02", 'f');
  const security::KeySet portal_ = SignerForTest("p1", 'p');
  test::TempDir dir_;
  security::KeyFolder folder_{dir_.path(), security::KeyFolder::Need::kToVerify};
  telemetry::Metrics metrics_;
  EntitlementRecords records_{folder_, portal_, metrics_};
};

TEST_F(EntitlementRecordsTest, AnOfferIsVerifiedAtItsFirstUseAndThenNeverAgain) {
  SharedBytes held = Offer(nullptr, Told("ann", {.revision = 5, .packages = {"a"}}, january_));
  held = Offer(held, Told("ann", {.revision = 6, .packages = {"a", "b"}}, january_));
  EXPECT_EQ(Verified(), 0);
  const Judged judged = records_.Judge("ann", held);
  EXPECT_EQ(judged.entitlement.revision(), 6u);
  EXPECT_EQ(judged.entitlement.package_ids_size(), 2);
  EXPECT_EQ(judged.entitlement.full_name(), "Ada of ann");
  EXPECT_FALSE(judged.refused);
  EXPECT_EQ(Verified(), 1);
  EXPECT_EQ(Used(judged.kept), judged.kept);  // nothing is left to decide
  EXPECT_EQ(Revision(judged.kept), 6u);
  EXPECT_EQ(Verified(), 1);
  // Told again by another instance: the same bytes under the same revision.
  EXPECT_EQ(Offer(judged.kept, Told("ann", {.revision = 6, .packages = {"a", "b"}}, january_)),
            judged.kept);
}

TEST_F(EntitlementRecordsTest, AForgedOneCostsFreshnessOnly) {
  const SharedBytes good = HoldingRevision(5);
  std::string forged = Told("ann", {.revision = 6}, january_);
  forged.back() = static_cast<char>(forged.back() ^ 1);  // the signature is last
  const SharedBytes held = Offer(good, forged);
  EXPECT_NE(held, good);
  const Judged judged = records_.Judge("ann", held);
  EXPECT_TRUE(judged.refused);
  EXPECT_EQ(judged.entitlement.revision(), 5u);
  EXPECT_EQ(Revision(judged.kept), 5u);
  EXPECT_EQ(Refused("forged"), 1);
}

TEST_F(EntitlementRecordsTest, WhatStandsBesideTheSignedBytesIsNotLookedAt) {
  billing::v1::Entitlement told;
  ASSERT_TRUE(told.ParseFromString(Told("ann", {.revision = 6, .packages = {"a"}}, january_)));
  told.add_package_ids("stolen");
  told.set_revision(9);
  const Judged judged = records_.Judge("ann", Offer(nullptr, told.SerializeAsString()));
  EXPECT_EQ(judged.entitlement.revision(), 6u);
  EXPECT_EQ(judged.entitlement.package_ids_size(), 1);
}

TEST_F(EntitlementRecordsTest, WhatIsCutAnywhereTakesNothingAway) {
  const SharedBytes good = HoldingRevision(5);
  const std::string told = Told("ann", {.revision = 6}, january_);
  for (std::size_t size = 0; size < told.size(); ++size) {
    EXPECT_EQ(Revision(Offer(good, told.substr(0, size))), 5u) << size;
  }
  EXPECT_EQ(Revision(Offer(good, told)), 6u);
}

TEST_F(EntitlementRecordsTest, AnotherAccountsIsRefused) {
  const SharedBytes good = HoldingRevision(5);
  EXPECT_EQ(Offer(good, Told("bob", {.revision = 6}, january_)), good);
  // Also with the right name outside the signature.
  billing::v1::Entitlement told;
  ASSERT_TRUE(told.ParseFromString(Told("bob", {.revision = 6}, january_)));
  told.set_account_id("ann");
  EXPECT_EQ(Offer(good, told.SerializeAsString()), good);
  EXPECT_EQ(Refused("other_account"), 2);
  EXPECT_EQ(Verified(), 1);
}

TEST_F(EntitlementRecordsTest, MissingSignaturesAndUnknownKeysAreSeenAtTheDoor) {
  const SharedBytes good = HoldingRevision(5);
  EXPECT_EQ(Offer(good, PlainEntitlement("ann", {.revision = 6})), good);
  EXPECT_EQ(Offer(good, Told("ann", {.revision = 6}, february_)), good);
  EXPECT_EQ(Offer(good, "\xff\xff not a message"), good);
  EXPECT_EQ(Refused("missing"), 1);
  EXPECT_EQ(Refused("unknown_key"), 1);
  EXPECT_EQ(Refused("damaged"), 1);
  EXPECT_EQ(Verified(), 1);  // of the one that is held
}

TEST_F(EntitlementRecordsTest, AnOlderRevisionNeverReplacesWhatIsHeld) {
  const std::string old = Told("ann", {.revision = 4}, january_);
  const SharedBytes good = HoldingRevision(5);
  EXPECT_EQ(Offer(good, old), good);
  const auto snapshot = records_.Open("ann", old);
  ASSERT_THAT(snapshot, IsOk());
  EXPECT_EQ(records_.Believe("ann", good, *snapshot), good);  // nor by an answer
  EXPECT_EQ(Refused("older"), 2);
  // Nor what was offered and is not used yet.
  const SharedBytes offered = Offer(nullptr, Told("ann", {.revision = 7}, january_));
  EXPECT_TRUE(EntitlementRecords::OffersNewer(offered, 4));
  EXPECT_EQ(Revision(Offer(offered, old)), 7u);
}

TEST_F(EntitlementRecordsTest, AForgedRevisionDoesNotKeepTheRightOnesOut) {
  std::string forged = Told("ann", {.revision = ~0ull}, january_);
  forged.back() = static_cast<char>(forged.back() ^ 1);
  SharedBytes held = Offer(HoldingRevision(5), forged);
  ASSERT_TRUE(EntitlementRecords::OffersNewer(held, 6));
  held = Used(held);  // as the feed's reader does before it offers 6
  EXPECT_EQ(Revision(Offer(held, Told("ann", {.revision = 6}, january_))), 6u);
}

TEST_F(EntitlementRecordsTest, TheSameRevisionTellsNewsOfANewRelease) {
  const SharedBytes held = HoldingRevision(5);
  EXPECT_EQ(
      records_
          .Judge("ann", Offer(held, Told("ann", {.revision = 5, .packages = {"x", "y"}}, january_)))
          .entitlement.package_ids_size(),
      2);
}

TEST_F(EntitlementRecordsTest, FieldsOfANewerReleaseStayUnderTheSignature) {
  const std::string plain = PlainEntitlement("ann", {.revision = 6}) + "\xfa\x7f\x03new";
  const Judged judged = records_.Judge("ann", Offer(nullptr, Signed(plain, january_)));
  EXPECT_EQ(judged.entitlement.revision(), 6u);
  v1::KeptEntitlement record;
  ASSERT_TRUE(record.ParseFromString(*judged.kept));
  EXPECT_EQ(record.believed().entitlement(), plain);
}

TEST_F(EntitlementRecordsTest, WhatWasBelievedStaysSoWithoutItsKey) {
  const SharedBytes held = HoldingRevision(5);
  std::filesystem::remove(dir_.File("2026-01.pub"));
  PutPublicKey(february_, dir_.path());
  ASSERT_THAT(folder_.Reload(), IsOk());
  EXPECT_EQ(Revision(held), 5u);
  EXPECT_EQ(Verified(), 1);
  EXPECT_EQ(Revision(Offer(held, Told("ann", {.revision = 6}, january_))), 5u);
  EXPECT_EQ(Revision(Offer(held, Told("ann", {.revision = 6}, february_))), 6u);
}

TEST_F(EntitlementRecordsTest, ARotationInEitherOrderEndsWithTheNewest) {
  SharedBytes held = HoldingRevision(5);
  // Billing signs with the new key before it is here.
  held = Offer(held, Told("ann", {.revision = 6}, february_));
  EXPECT_EQ(Revision(held), 5u);
  PutPublicKey(february_, dir_.path());
  ASSERT_THAT(folder_.Reload(), IsOk());
  held = Used(Offer(held, Told("ann", {.revision = 6}, february_)));
  EXPECT_EQ(Revision(held), 6u);
  // The old one is still good while both are here, and what it signed outlives it.
  held = Used(Offer(held, Told("ann", {.revision = 7}, january_)));
  EXPECT_EQ(Revision(held), 7u);
  std::filesystem::remove(dir_.File("2026-01.pub"));
  ASSERT_THAT(folder_.Reload(), IsOk());
  EXPECT_EQ(Revision(held), 7u);
}

TEST_F(EntitlementRecordsTest, AWrongKeyUnderTheRightIdTakesNothingAway) {
  const SharedBytes held = HoldingRevision(5);
  PutPublicKey(february_, dir_.path(), "2026-01");
  ASSERT_THAT(folder_.Reload(), IsOk());
  EXPECT_EQ(Revision(held), 5u);
  EXPECT_EQ(Revision(Offer(held, Told("ann", {.revision = 6}, january_))), 5u);
}

TEST_F(EntitlementRecordsTest, ASealIsForOneAccountAndItsBytes) {
  const SharedBytes held = HoldingRevision(5);
  v1::KeptEntitlement record;
  ASSERT_TRUE(record.ParseFromString(*held));
  EXPECT_NE(record.seal(), "");
  EXPECT_EQ(records_.Judge("bob", held).kept, nullptr);
  // Without the seal the signature decides, and without both nothing is believed.
  record.set_seal("");
  EXPECT_EQ(Revision(MakeShared(record.SerializeAsString())), 5u);
  ASSERT_TRUE(record.ParseFromString(*held));
  record.mutable_believed()->set_entitlement(PlainEntitlement("ann", {.revision = 8}));
  EXPECT_EQ(records_.Judge("ann", MakeShared(record.SerializeAsString())).kept, nullptr);
  // Other keys of the portal: the signature is what is left.
  const security::KeySet other_portal = SignerForTest("p2", 'q');
  telemetry::Metrics metrics;
  EntitlementRecords other(folder_, other_portal, metrics);
  EXPECT_EQ(other.Judge("ann", held).entitlement.revision(), 5u);
}

// Whatever lies on the disk: no revision is taken from there that was not believed here or signed.
TEST_F(EntitlementRecordsTest, ADamagedRecordIsNothingAndKeepsNothingOut) {
  const SharedBytes good = HoldingRevision(5);
  for (std::size_t i = 0; i < good->size(); ++i) {
    std::string damaged = *good;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x15);
    const std::uint64_t revision = Revision(MakeShared(damaged));
    EXPECT_TRUE(revision == 0 || revision == 5) << i;
    const SharedBytes after =
        Offer(MakeShared(std::move(damaged)), Told("ann", {.revision = 5}, january_));
    EXPECT_EQ(Revision(after), 5u) << i;
  }
}

TEST_F(EntitlementRecordsTest, TheFileOfAnOlderReleaseIsReadIfItIsSigned) {
  EXPECT_EQ(Revision(MakeShared(Told("ann", {.revision = 5}, january_))), 5u);
  EXPECT_EQ(Revision(MakeShared(PlainEntitlement("ann", {.revision = 5}))), 0u);
  EXPECT_EQ(Revision(MakeShared(Told("ann", {.revision = 5}, january_)), "bob"), 0u);
}

TEST_F(EntitlementRecordsTest, AnAnswerIsBelievedAtOnceAndLeavesANewerOffer) {
  const auto answer = records_.Open("ann", Told("ann", {.revision = 6}, january_));
  ASSERT_THAT(answer, IsOk());
  EXPECT_THAT(records_.Verify("ann", *answer), IsOk());
  EXPECT_EQ(Revision(records_.Believe("ann", nullptr, *answer)), 6u);
  const SharedBytes offered = Offer(nullptr, Told("ann", {.revision = 7}, january_));
  EXPECT_EQ(Revision(records_.Believe("ann", offered, *answer)), 7u);
  const SharedBytes older = Offer(nullptr, Told("ann", {.revision = 5}, january_));
  EXPECT_EQ(Revision(records_.Believe("ann", older, *answer)), 6u);

  std::string forged = Told("ann", {.revision = 6}, january_);
  forged.back() = static_cast<char>(forged.back() ^ 1);
  EXPECT_THAT(records_.Verify("ann", *records_.Open("ann", forged)),
              HasCode(absl::StatusCode::kDataLoss));
}

TEST_F(EntitlementRecordsTest, WithoutKeysNothingHasToBeSigned) {
  const security::KeyFolder none("", security::KeyFolder::Need::kToVerify);
  EntitlementRecords trusting(none, portal_, metrics_);
  const auto offer = [&](const SharedBytes& held, const std::string& told) {
    return trusting.Offer("ann", held, *trusting.Open("ann", told));
  };
  SharedBytes held = offer(nullptr, PlainEntitlement("ann", {.revision = 5}));
  EXPECT_EQ(trusting.Judge("ann", held).entitlement.revision(), 5u);
  held = offer(held, Told("ann", {.revision = 6}, february_));
  EXPECT_EQ(trusting.Judge("ann", held).entitlement.revision(), 6u);
  EXPECT_EQ(offer(held, PlainEntitlement("ann", {.revision = 5})), held);
  EXPECT_THAT(trusting.Open("ann", PlainEntitlement("bob", {})),
              HasCode(absl::StatusCode::kDataLoss));
  EXPECT_EQ(trusting.Judge("ann", MakeShared(PlainEntitlement("ann", {.revision = 4})))
                .entitlement.revision(),
            4u);
  EXPECT_EQ(Verified(), 0);
  // When signatures are demanded later, what was believed stays.
  EXPECT_EQ(Revision(held), 6u);
}

}  // namespace
}  // namespace holdfast::middleware
