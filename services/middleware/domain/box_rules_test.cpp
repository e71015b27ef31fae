// Rules about one box: its settings, its PIN, its place in the account.
#include <gmock/gmock.h>

#include "libs/testing/status_matchers.h"
#include "services/middleware/domain/box_settings.h"
#include "services/middleware/domain/device_limit.h"
#include "services/middleware/domain/parental.h"

namespace holdfast::middleware {
namespace {

using test::HasCode;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(BoxSettingsTest, TheLaterOfTwoWins) {
  BoxSettings held = {{"volume", {"70", 100}}, {"aspect", {"16", 100}}};
  MergeNewer(held, {{"volume", {"10", 200}}, {"aspect", {"32", 50}}, {"theme", {"dark", 1}}});
  EXPECT_EQ(SettingOr(held, "volume", ""), "10");
  EXPECT_EQ(SettingOr(held, "aspect", ""), "16");
  EXPECT_EQ(SettingOr(held, "theme", ""), "dark");
  EXPECT_EQ(SettingOr(held, "hd", "1"), "1");
}

TEST(BoxSettingsTest, ABoxCannotFillTheMemory) {
  BoxSettings held;
  for (std::size_t i = 0; i < kMaxSettings + 10; ++i) {
    MergeNewer(held, {{"aspect." + std::to_string(i), {"1", 1}}});
  }
  EXPECT_EQ(held.size(), kMaxSettings);
}

TEST(ParentalTest, APinIsWhatARemoteControlCanEnter) {
  EXPECT_TRUE(IsPin("0000"));
  EXPECT_TRUE(IsPin("aB9"));
  EXPECT_FALSE(IsPin(""));
  EXPECT_FALSE(IsPin("12 34"));
  EXPECT_FALSE(IsPin("12345678901234567"));
}

TEST(ParentalTest, OnlyTheWholePinOpens) {
  EXPECT_TRUE(PinOpens("1234", "1234"));
  for (const char* wrong : {"", "1", "123", "12345", "1235", "12341234"}) {
    EXPECT_FALSE(PinOpens("1234", wrong)) << wrong;
  }
  EXPECT_FALSE(PinOpens("", ""));
}

TEST(DeviceLimitTest, NobodyGivesWayWhileThereIsRoom) {
  const std::vector<std::string> others = {"c", "b"};
  for (const int max : {0, 3, 10}) {
    EXPECT_THAT(*WhoGivesWay(others, {.max_devices = max}), IsEmpty());
  }
}

TEST(DeviceLimitTest, TheOldestGiveWay) {
  const std::vector<std::string> others = {"c", "b", "a"};
  EXPECT_THAT(*WhoGivesWay(others, {.max_devices = 3}), ElementsAre("a"));
  EXPECT_THAT(*WhoGivesWay(others, {.max_devices = 1}), ElementsAre("c", "b", "a"));
}

TEST(DeviceLimitTest, OrTheNewOneIsRefused) {
  const std::vector<std::string> others = {"c"};
  EXPECT_THAT(WhoGivesWay(others, {.max_devices = 1, .when_full = DeviceLimit::WhenFull::kRefuse}),
              HasCode(absl::StatusCode::kResourceExhausted));
}

}  // namespace
}  // namespace holdfast::middleware
