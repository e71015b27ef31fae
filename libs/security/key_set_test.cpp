#include "libs/security/key_set.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "libs/base/encoding.h"
#include "libs/security/hmac.h"
#include "libs/security/token.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/temp_dir.h"

namespace holdfast::security {
namespace {

using test::HasCode;
using test::HasMessage;
using test::IsOk;

const WallTime kNow = FromEpochSeconds(1767348000);
const PlayClaims kClaims = {
    .account_id = "a", .device_id = "d", .channel_id = "c", .expires_at = EpochSeconds(kNow) + 60};

class KeySetTest : public testing::Test {
 protected:
  void Write(std::string_view name, std::string_view content) {
    std::ofstream(dir_.File(name)) << content;
  }
  KeySet Load() {
    auto keys = KeySet::Load(dir_.path());
    EXPECT_THAT(keys, IsOk());
    return keys.ok() ? *std::move(keys) : KeySet();
  }

  test::TempDir dir_;
};

TEST_F(KeySetTest, TheNewestKeySignsAndTheOldOneStillVerifies) {
  ASSERT_THAT(CreateKey(dir_.path(), "2026-01"), IsOk());
  const KeySet january = Load();
  const std::string old_token = SignPlayToken(kClaims, january);
  const std::string old_portal_token = SignPortalToken({.expires_at = kClaims.expires_at}, january);

  ASSERT_THAT(CreateKey(dir_.path(), "2026-02"), IsOk());
  const KeySet both = Load();
  EXPECT_EQ(both.signing_key_id(), "2026-02");
  const std::string new_token = SignPlayToken(kClaims, both);
  EXPECT_TRUE(new_token.starts_with("2026-02."));
  EXPECT_THAT(VerifyPlayToken(new_token, both, kNow), IsOk());
  EXPECT_THAT(VerifyPlayToken(old_token, both, kNow), IsOk());
  EXPECT_THAT(VerifyPortalToken(old_portal_token, both, kNow), IsOk());

  std::filesystem::remove(dir_.File("2026-01.key"));
  std::filesystem::remove(dir_.File("2026-01.pub"));
  const KeySet february = Load();
  EXPECT_THAT(VerifyPlayToken(new_token, february, kNow), IsOk());
  EXPECT_THAT(VerifyPlayToken(old_token, february, kNow), HasMessage("unknown key"));
  EXPECT_THAT(VerifyPortalToken(old_portal_token, february, kNow), HasMessage("unknown key"));
}

TEST_F(KeySetTest, APublicKeyVerifiesPortalTokensAndSignsNothing) {
  test::TempDir verifier;
  ASSERT_THAT(CreateKey(dir_.path(), "k1"), IsOk());
  std::filesystem::copy(dir_.File("k1.pub"), verifier.File("k1.pub"));
  ASSERT_OK_AND_ASSIGN(const KeySet public_only, KeySet::Load(verifier.path()));

  const PortalClaims claims = {.mac = "00:1A:79:00:00:01", .expires_at = kClaims.expires_at};
  EXPECT_THAT(VerifyPortalToken(SignPortalToken(claims, Load()), public_only, kNow), IsOk());
  EXPECT_EQ(public_only.signing_key_id(), "");
  EXPECT_EQ(SignPortalToken(claims, public_only), "");
  EXPECT_THAT(VerifyPlayToken(SignPlayToken(kClaims, Load()), public_only, kNow),
              HasMessage("unknown key"));
}

TEST_F(KeySetTest, TheBrokenFileIsNamedAndItsContentIsNot) {
  Write("good.key", std::string(64, 'a') + "\n");
  for (const std::string& content :
       {std::string(), std::string(63, 'a'), std::string(66, 'a'), std::string(64, 'z')}) {
    Write("broken.key", content);
    const auto keys = KeySet::Load(dir_.path());
    EXPECT_THAT(keys, HasCode(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(keys, HasMessage("broken.key"));
    if (!content.empty()) {
      EXPECT_EQ(View(keys.status().message()).find(content), std::string_view::npos);
    }
  }
}

TEST_F(KeySetTest, AKeyIdThatCouldBreakATokenIsRefused) {
  EXPECT_THAT(CreateKey(dir_.path(), "a.b"), HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(CreateKey(dir_.path(), "../a"), HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(CreateKey(dir_.path(), ""), HasCode(absl::StatusCode::kInvalidArgument));
  Write("a.b.key", std::string(64, 'a'));
  EXPECT_THAT(KeySet::Load(dir_.path()), HasMessage("a.b.key"));
}

TEST_F(KeySetTest, AForeignPublicKeyBesideASecretIsRefused) {
  ASSERT_THAT(CreateKey(dir_.path(), "k1"), IsOk());
  Write("k1.pub", std::string(64, 'a'));
  EXPECT_THAT(KeySet::Load(dir_.path()), HasMessage("k1.pub"));
}

TEST_F(KeySetTest, AFolderWithoutKeysIsNotFound) {
  EXPECT_THAT(KeySet::Load(dir_.path()), HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(KeySet::Load(dir_.File("absent")), HasCode(absl::StatusCode::kNotFound));
  Write("README", "not a key");
  EXPECT_THAT(KeySet::Load(dir_.path()), HasCode(absl::StatusCode::kNotFound));
}

TEST_F(KeySetTest, ACreatedKeyIsForItsOwnerOnlyAndIsNeverOverwritten) {
  ASSERT_THAT(CreateKey(dir_.File("new/folder"), "k1"), IsOk());
  struct stat info {};
  ASSERT_EQ(stat(dir_.File("new/folder/k1.key").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_THAT(CreateKey(dir_.File("new/folder"), "k1"), HasCode(absl::StatusCode::kAlreadyExists));
}

// RFC 4231, test cases 2 and 6.
TEST(HmacKey, AgreesWithTheStandardsVectors) {
  const auto tag = [](std::string_view key, std::string_view message) {
    const auto bytes = HmacKey(key).Sign(message);
    return ToHex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  };
  EXPECT_EQ(tag("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(tag(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First"),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

}  // namespace
}  // namespace holdfast::security
