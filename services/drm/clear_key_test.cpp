#include "services/drm/clear_key.h"

#include <gtest/gtest.h>

#include "libs/base/encoding.h"
#include "libs/testing/status_matchers.h"

namespace holdfast::drm {
namespace {

using test::HasCode;

// The example of W3C EME, 9.1.3.
TEST(ClearKey, ReadsAndWritesTheStandardsForm) {
  ASSERT_OK_AND_ASSIGN(
      const auto key_ids,
      ParseClearKeyRequest(R"({"kids":["LwVHf8JLtPrv2GUXFW2v_A"],"type":"temporary"})"));
  ASSERT_EQ(key_ids.size(), 1u);
  EXPECT_EQ(ToBase64Url(key_ids[0]), "LwVHf8JLtPrv2GUXFW2v_A");

  const std::string id = *FromHex("00112233445566778899aabbccddeeff");
  const std::string key = *FromHex("0f0e0d0c0b0a09080706050403020100");
  EXPECT_EQ(
      ClearKeyLicense({{id, key}}),
      R"({"keys":[{"kty":"oct","kid":"ABEiM0RVZneImaq7zN3u_w","k":"Dw4NDAsKCQgHBgUEAwIBAA"}],)"
      R"("type":"temporary"})");
  EXPECT_EQ(ClearKeyLicense({{id, key}, {key, id}}).find("},{") != std::string::npos, true);
}

TEST(ClearKey, HostileRequestsAreRefused) {
  std::string many = R"({"kids":[)";
  for (int n = 0; n < 33; ++n) many += R"("LwVHf8JLtPrv2GUXFW2v_A",)";
  many.back() = ']';
  for (const std::string& json : std::vector<std::string>{
           "", "{", "null", "[]", "{}", R"({"kids":[]})", R"({"kids":"LwVHf8JLtPrv2GUXFW2v_A"})",
           R"({"kids":[7]})", R"({"kids":["short"]})", R"({"kids":["LwVHf8JLtPrv2GUXFW2v_A=="]})",
           many + "}", std::string(100000, '['), R"({"kids":)" + std::string(20000, ' ') + "[]}",
           std::string("{\"kids\":[\"\0\"]}", 15)}) {
    EXPECT_THAT(ParseClearKeyRequest(json), HasCode(absl::StatusCode::kInvalidArgument));
  }
}

}  // namespace
}  // namespace holdfast::drm
