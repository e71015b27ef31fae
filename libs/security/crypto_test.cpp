// HKDF, HMAC, passwords and signed links against vectors made elsewhere.
#include <gtest/gtest.h>

#include "libs/base/encoding.h"
#include "libs/security/hkdf.h"
#include "libs/security/hmac.h"
#include "libs/security/password.h"
#include "libs/security/url_signer.h"

namespace holdfast::security {
namespace {

// RFC 5869 A.1.
TEST(Hkdf, AgreesWithTheBasicVector) {
  const std::string key(22, '\x0b');
  const std::string salt = *FromHex("000102030405060708090a0b0c");
  const std::string info = *FromHex("f0f1f2f3f4f5f6f7f8f9");
  EXPECT_EQ(ToHex(HkdfSha256({.key = key, .salt = salt, .info = info}, 42)),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
}

// RFC 5869 A.3: neither salt nor info.
TEST(Hkdf, AgreesWithTheVectorWithoutSaltAndInfo) {
  const std::string key(22, '\x0b');
  EXPECT_EQ(ToHex(HkdfSha256({.key = key, .salt = "", .info = ""}, 42)),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

std::string HexTag(std::string_view key, std::string_view message) {
  const auto tag = HmacKey(key).Sign(message);
  return ToHex({reinterpret_cast<const char*>(tag.data()), tag.size()});
}

// RFC 4231, cases 1, 2, 6 (a key longer than a block) and 7.
TEST(Hmac, AgreesWithTheVectors) {
  EXPECT_EQ(HexTag(std::string(20, '\x0b'), "Hi There"),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(HexTag("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  const std::string long_key(131, '\xaa');
  EXPECT_EQ(HexTag(long_key, "Test Using Larger Than Block-Size Key - Hash Key First"),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(HexTag(long_key,
                   "This is a test using a larger than block-size key and a larger than block-size "
                   "data. The key needs to be hashed before being used by the HMAC algorithm."),
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

TEST(Password, MatchesOnlyItself) {
  const std::string hash = HashPassword("correct horse");
  EXPECT_TRUE(hash.starts_with("$argon2id$"));
  EXPECT_TRUE(PasswordMatches("correct horse", hash));
  EXPECT_FALSE(PasswordMatches("correct horse ", hash));
  EXPECT_FALSE(PasswordMatches("", hash));
  EXPECT_NE(HashPassword("correct horse"), hash) << "each hash has a salt of its own";
}

TEST(Password, ABrokenHashMatchesNothing) {
  for (const std::string& hash : {std::string(), std::string("$argon2id$"), std::string(500, 'a'),
                                  std::string("plain"), std::string("\0\0\0", 3)}) {
    EXPECT_FALSE(PasswordMatches("plain", hash));
  }
}

// printf '%s' '1767348000/-/live/ch-7 sesame' | openssl md5 -binary | openssl base64 | tr +/ -_ |
// tr -d =
TEST(UrlSigner, SignsADirectoryTheWayNginxChecksIt) {
  EXPECT_EQ(SignLinkPath({.directory = "live/ch-7",
                          .file = "index.m3u8",
                          .play_token = "",
                          .expires = FromEpochSeconds(1767348000)},
                         "sesame"),
            "/s/KnjeS_WhLBlHGE829RIwSA/1767348000/-/live/ch-7/index.m3u8");
}

TEST(UrlSigner, ThePlayTokenIsSignedToo) {
  EXPECT_EQ(SignLinkPath({.directory = "live/ch-7",
                          .file = "index.m3u8",
                          .play_token = "k1.abc.def",
                          .expires = FromEpochSeconds(1767348000)},
                         "sesame"),
            "/s/bJH-lBzEDewsVFbdp6zDlg/1767348000/k1.abc.def/live/ch-7/index.m3u8");
}

}  // namespace
}  // namespace holdfast::security
