#include "services/drm/key_wrap.h"

#include <gtest/gtest.h>

#include "libs/base/encoding.h"
#include "libs/base/random.h"
#include "libs/testing/status_matchers.h"

namespace holdfast::drm {
namespace {

using test::HasCode;

// RFC 3394, 4.3: 128 bits of key data with a 256-bit KEK.
TEST(KeyWrap, AgreesWithTheStandardsVector) {
  const std::string kek =
      *FromHex("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F");
  const std::string key = *FromHex("00112233445566778899AABBCCDDEEFF");
  const std::string wrapped = WrapKey(kek, key);
  EXPECT_EQ(ToHex(wrapped), "64e8c3f9ce0f5ba263e9777905818a2a93c8191e7d6e8ae7");
  ASSERT_OK_AND_ASSIGN(const std::string unwrapped, UnwrapKey(kek, wrapped));
  EXPECT_EQ(unwrapped, key);
}

TEST(KeyWrap, AnotherKekOrAnyChangedBitIsNoticed) {
  const std::string kek(32, 'k');
  const std::string wrapped = WrapKey(kek, std::string(32, 's'));
  EXPECT_THAT(UnwrapKey(std::string(32, 'x'), wrapped), HasCode(absl::StatusCode::kDataLoss));
  for (std::size_t bit = 0; bit < wrapped.size() * 8; ++bit) {
    std::string damaged = wrapped;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    EXPECT_THAT(UnwrapKey(kek, damaged), HasCode(absl::StatusCode::kDataLoss)) << bit;
  }
}

TEST(KeyWrap, BytesOfAnyLengthAreNoWrappedKey) {
  for (std::size_t size = 0; size < 100; ++size) {
    EXPECT_THAT(UnwrapKey(std::string(32, 'k'), std::string(size, '\0')),
                HasCode(absl::StatusCode::kDataLoss));
  }
  EXPECT_FALSE(UnwrapKey(std::string(32, 'k'), std::string(1 << 20, '\0')).ok());
}

}  // namespace
}  // namespace holdfast::drm
