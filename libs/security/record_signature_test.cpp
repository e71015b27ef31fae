#include "libs/security/record_signature.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "libs/base/encoding.h"
#include "libs/security/key_folder.h"
#include "libs/security/token.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/temp_dir.h"

namespace holdfast::security {
namespace {

using test::HasCode;
using test::HasMessage;
using test::IsOk;

constexpr std::string_view kRecord("\x0a\x01\x61\x00record", 10);

class RecordSignatureTest : public testing::Test {
 protected:
  RecordVerdict Verify(const RecordSignature& signature, std::string_view record = kRecord,
                       std::string_view purpose = kEntitlementPurpose) {
    return VerifyRecord(purpose, record, signature, keys_);
  }

  const KeySet keys_ = KeySet::ForTest("2026-01", "0123456789abcdef0123456789abcdef");
  const RecordSignature good_ = *SignRecord(kEntitlementPurpose, kRecord, keys_);
};

TEST_F(RecordSignatureTest, WhatWasSignedIsGood) {
  EXPECT_EQ(good_.key_id, "2026-01");
  EXPECT_EQ(good_.bytes.size(), 64u);
  EXPECT_EQ(Verify(good_), RecordVerdict::kGood);
  const RecordSignature again = *SignRecord(kEntitlementPurpose, kRecord, keys_);
  EXPECT_EQ(again.bytes, good_.bytes);  // two instances with one key say the same
}

TEST_F(RecordSignatureTest, EveryBitOfRecordAndSignatureCounts) {
  for (std::size_t bit = 0; bit < kRecord.size() * 8; ++bit) {
    std::string record(kRecord);
    record[bit / 8] = static_cast<char>(record[bit / 8] ^ (1 << bit % 8));
    EXPECT_EQ(Verify(good_, record), RecordVerdict::kForged) << bit;
  }
  for (std::size_t bit = 0; bit < good_.bytes.size() * 8; ++bit) {
    RecordSignature other = good_;
    other.bytes[bit / 8] = static_cast<char>(other.bytes[bit / 8] ^ (1 << bit % 8));
    EXPECT_EQ(Verify(other), RecordVerdict::kForged) << bit;
  }
}

TEST_F(RecordSignatureTest, CutAndLengthenedOnesAreForged) {
  for (std::size_t size = 0; size < good_.bytes.size(); ++size) {
    EXPECT_EQ(Verify({good_.key_id, good_.bytes.substr(0, size)}), RecordVerdict::kForged);
  }
  EXPECT_EQ(Verify({good_.key_id, good_.bytes + "x"}), RecordVerdict::kForged);
  EXPECT_EQ(Verify(good_, kRecord.substr(0, kRecord.size() - 1)), RecordVerdict::kForged);
  EXPECT_EQ(Verify(good_, std::string(kRecord) + "x"), RecordVerdict::kForged);
  EXPECT_EQ(Verify(good_, ""), RecordVerdict::kForged);
}

TEST_F(RecordSignatureTest, ASignatureIsForOnePurpose) {
  EXPECT_EQ(Verify(good_, kRecord, "holdfast entitlement 2"), RecordVerdict::kForged);
  // What signs a token signs no record, also where both are made with one key.
  const std::string token = SignPortalToken({.expires_at = 1}, keys_);
  EXPECT_NE(token, "");
  const std::optional<std::string> signature = FromBase64Url(token.substr(token.rfind('.') + 1));
  ASSERT_TRUE(signature.has_value());
  EXPECT_EQ(Verify({"2026-01", *signature}, token.substr(0, token.rfind('.'))),
            RecordVerdict::kForged);
}

TEST_F(RecordSignatureTest, AnUnknownKeyAndNoneAtAllAreToldApart) {
  EXPECT_EQ(Verify({}), RecordVerdict::kUnsigned);
  EXPECT_EQ(Verify({"", good_.bytes}), RecordVerdict::kUnknownKey);
  EXPECT_EQ(Verify({"2026-02", good_.bytes}), RecordVerdict::kUnknownKey);
  EXPECT_EQ(LooksSigned({"2026-02", good_.bytes}, keys_), RecordVerdict::kUnknownKey);
  EXPECT_EQ(LooksSigned({"2026-01", "short"}, keys_), RecordVerdict::kForged);
  EXPECT_EQ(LooksSigned({"2026-01", std::string(64, 'x')}, keys_), RecordVerdict::kGood);
  EXPECT_EQ(VerifyRecord(kEntitlementPurpose, kRecord, good_, KeySet()),
            RecordVerdict::kUnknownKey);
}

// The id is signed with the record: the same key under another name is another key.
TEST_F(RecordSignatureTest, TheIdOfTheKeyIsSigned) {
  const KeySet renamed = KeySet::ForTest("2026-02", "0123456789abcdef0123456789abcdef");
  EXPECT_EQ(VerifyRecord(kEntitlementPurpose, kRecord, {"2026-02", good_.bytes}, renamed),
            RecordVerdict::kForged);
}

TEST_F(RecordSignatureTest, WithoutASecretNothingIsSigned) {
  EXPECT_EQ(SignRecord(kEntitlementPurpose, kRecord, KeySet()), std::nullopt);
}

class KeyFolderTest : public testing::Test {
 protected:
  test::TempDir dir_;
};

TEST_F(KeyFolderTest, ARotationIsFollowedAndABrokenFolderChangesNothing) {
  ASSERT_THAT(CreateKey(dir_.path(), "2026-01"), IsOk());
  KeyFolder folder(dir_.path(), KeyFolder::Need::kToSign);
  EXPECT_EQ(folder.Current()->signing_key_id(), "");
  ASSERT_THAT(folder.Reload(), IsOk());
  EXPECT_EQ(folder.Current()->signing_key_id(), "2026-01");

  ASSERT_THAT(CreateKey(dir_.path(), "2026-02"), IsOk());
  ASSERT_THAT(folder.Reload(), IsOk());
  EXPECT_EQ(folder.Current()->signing_key_id(), "2026-02");

  std::ofstream(dir_.File("2026-03.key")) << "half a k";
  EXPECT_THAT(folder.Reload(), HasMessage("2026-03.key"));
  EXPECT_EQ(folder.Current()->signing_key_id(), "2026-02");
}

TEST_F(KeyFolderTest, WhoSignsIsNotLeftWithoutASecret) {
  ASSERT_THAT(CreateKey(dir_.path(), "k1"), IsOk());
  KeyFolder signs(dir_.path(), KeyFolder::Need::kToSign);
  ASSERT_THAT(signs.Reload(), IsOk());
  std::filesystem::remove(dir_.File("k1.key"));
  EXPECT_THAT(signs.Reload(), HasMessage("no .key to sign with"));
  EXPECT_EQ(signs.Current()->signing_key_id(), "k1");

  KeyFolder verifies(dir_.path(), KeyFolder::Need::kToVerify);
  EXPECT_THAT(verifies.Reload(), IsOk());
  EXPECT_NE(verifies.Current()->public_key("k1"), nullptr);
}

TEST_F(KeyFolderTest, NoFolderIsNoKeysAndAnEmptyOneIsAnError) {
  KeyFolder none("", KeyFolder::Need::kToSign);
  EXPECT_THAT(none.Reload(), IsOk());
  EXPECT_FALSE(none.configured());
  KeyFolder empty(dir_.path(), KeyFolder::Need::kToVerify);
  EXPECT_THAT(empty.Reload(), HasCode(absl::StatusCode::kNotFound));
  EXPECT_TRUE(empty.configured());
}

}  // namespace
}  // namespace holdfast::security
