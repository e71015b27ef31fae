#include "libs/security/token.h"

#include <gtest/gtest.h>

#include "libs/base/encoding.h"
#include "libs/base/random.h"
#include "libs/security/claims_codec.h"
#include "libs/testing/status_matchers.h"

namespace holdfast::security {
namespace {

using test::HasCode;
using test::HasMessage;
using test::IsOk;

const WallTime kNow = FromEpochSeconds(1767348000);
constexpr std::string_view kSecret = "0123456789abcdef0123456789abcdef";
constexpr std::string_view kOtherSecret = "fedcba9876543210fedcba9876543210";

PortalClaims Portal() {
  return {.mac = "00:1A:79:12:34:56",
          .device_id = "dev-1",
          .account_id = "acc-1",
          .package_ids = {"base", "sport"},
          .issued_at = 1767348000,
          .expires_at = 1767348000 + 86400,
          .entitled_until = 0,
          .grace_until = 1767348000 + 7 * 86400,
          .entitlement_revision = std::numeric_limits<std::uint64_t>::max(),
          .generation = 3};
}

PlayClaims Play() {
  return {.account_id = "acc-1",
          .device_id = "dev-1",
          .channel_id = "ch-7",
          .expires_at = 1767348000 + 3600};
}

class TokenTest : public testing::Test {
 protected:
  const KeySet keys_ = KeySet::ForTest("2026-01", kSecret);
};

TEST_F(TokenTest, APortalTokenCarriesItsClaims) {
  const std::string token = SignPortalToken(Portal(), keys_);
  ASSERT_OK_AND_ASSIGN(const PortalClaims claims, VerifyPortalToken(token, keys_, kNow));
  EXPECT_EQ(claims, Portal());
}

TEST_F(TokenTest, APlayTokenCarriesItsClaims) {
  const std::string token = SignPlayToken(Play(), keys_);
  ASSERT_OK_AND_ASSIGN(const PlayClaims claims, VerifyPlayToken(token, keys_, kNow));
  EXPECT_EQ(claims, Play());
}

TEST_F(TokenTest, TokensAreSafeInAPathAndAQuery) {
  for (const std::string& token :
       {SignPortalToken(Portal(), keys_), SignPlayToken(Play(), keys_)}) {
    EXPECT_EQ(PercentEncode(token), token);
  }
}

TEST_F(TokenTest, AnExpiredTokenIsRefused) {
  const std::string token = SignPlayToken(Play(), keys_);
  EXPECT_THAT(VerifyPlayToken(token, keys_, kNow + std::chrono::seconds(3599)), IsOk());
  const auto late = VerifyPlayToken(token, keys_, kNow + std::chrono::hours(1));
  EXPECT_THAT(late, HasCode(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(late, HasMessage("expired"));
}

TEST_F(TokenTest, ATokenMadeWithAnotherKeyIsRefused) {
  const KeySet same_id = KeySet::ForTest("2026-01", kOtherSecret);
  const KeySet other_id = KeySet::ForTest("2026-02", kSecret);
  EXPECT_THAT(VerifyPlayToken(SignPlayToken(Play(), same_id), keys_, kNow), HasMessage("forged"));
  EXPECT_THAT(VerifyPlayToken(SignPlayToken(Play(), other_id), keys_, kNow),
              HasMessage("unknown key"));
  EXPECT_THAT(VerifyPortalToken(SignPortalToken(Portal(), same_id), keys_, kNow),
              HasMessage("forged"));
  EXPECT_THAT(VerifyPortalToken(SignPortalToken(Portal(), other_id), keys_, kNow),
              HasMessage("unknown key"));
}

TEST_F(TokenTest, NoCharacterOfATokenCanBeChanged) {
  const std::string play = SignPlayToken(Play(), keys_);
  const std::string portal = SignPortalToken(Portal(), keys_);
  for (std::size_t i = 0; i < play.size(); ++i) {
    for (const char c : {'A', 'b', '.', '-', '=', '\0'}) {
      std::string forged = play;
      if (forged[i] == c) continue;
      forged[i] = c;
      EXPECT_THAT(VerifyPlayToken(forged, keys_, kNow),
                  HasCode(absl::StatusCode::kUnauthenticated));
    }
  }
  for (std::size_t i = 0; i < portal.size(); ++i) {
    std::string forged = portal;
    forged[i] = forged[i] == 'A' ? 'B' : 'A';
    EXPECT_THAT(VerifyPortalToken(forged, keys_, kNow),
                HasCode(absl::StatusCode::kUnauthenticated));
  }
}

TEST_F(TokenTest, NoPieceOfATokenIsAToken) {
  for (const std::string& token :
       {SignPlayToken(Play(), keys_), SignPortalToken(Portal(), keys_)}) {
    for (std::size_t n = 0; n < token.size(); ++n) {
      EXPECT_FALSE(VerifyPlayToken(token.substr(0, n), keys_, kNow).ok());
      EXPECT_FALSE(VerifyPortalToken(token.substr(0, n), keys_, kNow).ok());
    }
    EXPECT_FALSE(VerifyPlayToken(token + "A", keys_, kNow).ok());
    EXPECT_FALSE(VerifyPortalToken(token + ".", keys_, kNow).ok());
  }
}

TEST_F(TokenTest, OneKindOfTokenDoesNotPassForTheOther) {
  EXPECT_FALSE(VerifyPlayToken(SignPortalToken(Portal(), keys_), keys_, kNow).ok());
  EXPECT_FALSE(VerifyPortalToken(SignPlayToken(Play(), keys_), keys_, kNow).ok());
  EXPECT_FALSE(DecodePlayClaims(*Encode(Portal())));
  EXPECT_FALSE(DecodePortalClaims(*Encode(Play())));
}

TEST_F(TokenTest, HostileTextIsRefusedQuietly) {
  const std::string huge(100000, 'A');
  for (const std::string& text : std::vector<std::string>{
           "", ".", "..", "...", "2026-01..", "2026-01.AAAA.", "2026-01.AAAA.AAAA", huge,
           "2026-01." + huge + ".AAAA", std::string("2026-01.\0\0.\xff\xff", 14)}) {
    EXPECT_THAT(VerifyPlayToken(text, keys_, kNow), HasCode(absl::StatusCode::kUnauthenticated));
    EXPECT_THAT(VerifyPortalToken(text, keys_, kNow), HasCode(absl::StatusCode::kUnauthenticated));
  }
}

TEST_F(TokenTest, WithoutASecretOrWithTooMuchToSayThereIsNoToken) {
  EXPECT_EQ(SignPlayToken(Play(), KeySet()), "");
  EXPECT_EQ(SignPortalToken(Portal(), KeySet()), "");
  PlayClaims play = Play();
  play.channel_id = std::string(kMaxClaimText + 1, 'c');
  EXPECT_EQ(SignPlayToken(play, keys_), "");
  PortalClaims portal = Portal();
  portal.package_ids.assign(kMaxPackages + 1, "p");
  EXPECT_EQ(SignPortalToken(portal, keys_), "");
}

TEST(ClaimsCodec, CutOrLengthenedRecordsAreRefused) {
  const std::string portal = *Encode(Portal());
  for (std::size_t n = 0; n < portal.size(); ++n) {
    EXPECT_FALSE(DecodePortalClaims(portal.substr(0, n))) << n;
  }
  EXPECT_FALSE(DecodePortalClaims(portal + std::string(1, '\0')));
  EXPECT_FALSE(DecodePlayClaims(*Encode(Play()) + "x"));
}

TEST(ClaimsCodec, EachClaimHasOneEncoding) {
  const std::string kind = "\x21";
  const std::string empty_texts(3, '\0');
  EXPECT_TRUE(DecodePlayClaims(kind + empty_texts + "\x05"));
  EXPECT_FALSE(DecodePlayClaims(kind + empty_texts + std::string("\x85\x00", 2)));  // 5, longer
  EXPECT_FALSE(DecodePlayClaims(kind + empty_texts + std::string(10, '\xff')));     // over 64 bits
  EXPECT_FALSE(
      DecodePlayClaims(kind + empty_texts + std::string(9, '\xff') + "\x01"));  // before 1970
  EXPECT_FALSE(DecodePlayClaims(kind + "\x81\x01" + std::string(129, 'a')));    // text too long
}

TEST(ClaimsCodec, RandomBytesNeverDecodeToSomethingThatEncodesDifferently) {
  const std::uint64_t seed = SecureSeed();
  SCOPED_TRACE(seed);
  SeededRandom random(seed);
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = round % 2 == 0 ? *Encode(Play()) : *Encode(Portal());
    for (std::uint64_t n = random.Below(4); n > 0; --n) {
      bytes[random.Below(bytes.size())] = static_cast<char>(random.Next());
    }
    if (random.Below(4) == 0) bytes.resize(random.Below(bytes.size() + 1));
    if (const auto play = DecodePlayClaims(bytes)) {
      EXPECT_EQ(*Encode(*play), bytes);
    }
    if (const auto portal = DecodePortalClaims(bytes)) {
      EXPECT_EQ(*Encode(*portal), bytes);
    }
  }
}

}  // namespace
}  // namespace holdfast::security
