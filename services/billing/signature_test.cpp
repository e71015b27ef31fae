#include "services/billing/signature.h"

#include <gtest/gtest.h>

#include "libs/testing/status_matchers.h"

namespace holdfast::billing {
namespace {

using namespace std::chrono_literals;
using test::HasMessage;
using test::IsOk;

const WallTime kNow = FromEpochSeconds(1'767'225'600);
constexpr char kBody[] = R"({"attempt_id":"a"})";

TEST(SignatureTest, IsTakenWithinTheWindowEitherWay) {
  const std::string signature = SignMessage("secret", kBody, kNow);
  EXPECT_THAT(CheckSignature(signature, "secret", kBody, kNow), IsOk());
  EXPECT_THAT(CheckSignature(signature, "secret", kBody, kNow + 5min), IsOk());
  EXPECT_THAT(CheckSignature(signature, "secret", kBody, kNow - 5min), IsOk());
  EXPECT_THAT(CheckSignature(signature, "secret", kBody, kNow + 301s), HasMessage("old"));
  EXPECT_THAT(CheckSignature(signature, "secret", kBody, kNow - 301s), HasMessage("old"));
}

TEST(SignatureTest, AnotherBodySecretOrTimeIsRefused) {
  const std::string signature = SignMessage("secret", kBody, kNow);
  EXPECT_FALSE(CheckSignature(signature, "secret", "{}", kNow).ok());
  EXPECT_FALSE(CheckSignature(signature, "other", kBody, kNow).ok());
  std::string moved = signature;
  moved.replace(2, 10, "1767225601");
  EXPECT_FALSE(CheckSignature(moved, "secret", kBody, kNow).ok());
}

TEST(SignatureTest, WithoutASecretNothingIsTaken) {
  EXPECT_FALSE(CheckSignature(SignMessage("", kBody, kNow), "", kBody, kNow).ok());
}

TEST(SignatureTest, OneOfSeveralSignaturesIsEnoughWhileASecretIsChanged) {
  const std::string both =
      SignMessage("old", kBody, kNow) + "," +
      SignMessage("new", kBody, kNow).substr(std::string("t=1767225600,").size());
  EXPECT_THAT(CheckSignature(both, "new", kBody, kNow), IsOk());
  EXPECT_THAT(CheckSignature(both, "old", kBody, kNow), IsOk());
}

TEST(SignatureTest, NoiseIsRefused) {
  for (const char* noise : {"", ",", "t=", "t=,v1=", "v1=00", "t=99999999999999999999,v1=00",
                            "t=-1,v1=00", "t=1767225600", "x=1,y=2,,,,"}) {
    EXPECT_FALSE(CheckSignature(noise, "secret", kBody, kNow).ok()) << noise;
  }
  EXPECT_FALSE(CheckSignature(std::string(2000, ','), "secret", kBody, kNow).ok());
}

}  // namespace
}  // namespace holdfast::billing
