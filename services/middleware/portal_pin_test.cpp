// Links to what is locked, where the operator wants to see the PIN.
#include <gmock/gmock.h>

#include "services/middleware/portal_table_test.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;

FixtureOptions WithPin(bool required) {
  FixtureOptions options;
  options.portal.require_pin = required;
  return options;
}

class PortalPinTest : public testing::Test {
 protected:
  void SetUp() override {
    EXPECT_EQ(box_.Call("stb", "set_parent_password", "pass=4711").Js(), true);
  }
  std::string ErrorOf(const std::string& type, const std::string& action, const std::string& rest) {
    const Json js = box_.Call(type, action, rest).Js();
    return js.is_object() ? js.value("error", "no error") : js.dump();
  }
  std::string Late(const std::string& pin = "") {
    return ErrorOf("itv", "create_link", "cmd=/ch/4" + pin);
  }

  GoldenPortal box_{WithPin(true)};
};

TEST_F(PortalPinTest, AdultChannelsAndFilmsNeedThePinAndOthersDoNot) {
  EXPECT_EQ(Late(), "access_denied");
  EXPECT_EQ(Late("&pin=0000"), "access_denied");
  EXPECT_EQ(Late("&pin="), "access_denied");
  EXPECT_EQ(Late("&pin=4711"), "");
  EXPECT_EQ(Late("&parent_password=4711"), "");
  EXPECT_EQ(ErrorOf("itv", "create_link", "cmd=/ch/1"), "");
  EXPECT_EQ(ErrorOf("vod", "create_link", "cmd=/media/6.mpg"), "access_denied");
  EXPECT_EQ(ErrorOf("vod", "create_link", "cmd=/media/file_60.mpg"), "access_denied");
  EXPECT_EQ(ErrorOf("vod", "create_link", "cmd=/media/6.mpg&pin=4711"), "");
  EXPECT_EQ(ErrorOf("vod", "create_link", "cmd=/media/5.mpg"), "");
}

TEST_F(PortalPinTest, AChannelThatTheViewerLockedNeedsThePinInTheArchiveAndInRecordingsToo) {
  EXPECT_EQ(box_.Call("itv", "add_to_censored", "ch_id=1").Js(), true);
  const std::string programme = "cmd=/media/1_1767342600.mpg";
  EXPECT_EQ(ErrorOf("itv", "create_link", "cmd=/ch/1"), "access_denied");
  EXPECT_EQ(ErrorOf("itv", "create_link", "cmd=/ch/1&pin=4711"), "");
  EXPECT_EQ(ErrorOf("tv_archive", "create_link", programme), "access_denied");
  EXPECT_EQ(ErrorOf("tv_archive", "create_link", programme + "&pin=4711"), "");
  EXPECT_EQ(ErrorOf("tv_archive", "get_link_for_channel", "ch_id=1"), "access_denied");
  EXPECT_EQ(ErrorOf("tv_archive", "get_link_for_channel", "ch_id=1&pin=4711"), "");
  EXPECT_EQ(ErrorOf("tv_archive", "get_next_part_url", "id=1_1767339000"), "false");
  EXPECT_NE(ErrorOf("tv_archive", "get_next_part_url", "id=1_1767339000&pin=4711"), "false");
  box_.clock().Advance(2h);
  const std::string recording = "cmd=/media/" + box_.recording + ".mpg";
  EXPECT_EQ(ErrorOf("remote_pvr", "create_link", recording), "access_denied");
  EXPECT_EQ(ErrorOf("remote_pvr", "create_link", recording + "&pin=4711"), "");
  EXPECT_EQ(box_.Call("itv", "del_from_censored", "ch_id=1").Js(), true);
  EXPECT_EQ(ErrorOf("itv", "create_link", "cmd=/ch/1"), "");
}

TEST_F(PortalPinTest, GuessingIsSlowedDownAndTheRightPinCostsNothing) {
  for (int i = 0; i < 30; ++i) EXPECT_EQ(Late("&pin=4711"), "");
  for (int i = 0; i < 10; ++i) EXPECT_EQ(Late("&pin=" + std::to_string(i)), "access_denied");
  EXPECT_EQ(Late("&pin=4711"), "access_denied");
  EXPECT_EQ(ErrorOf("itv", "create_link", "cmd=/ch/1"), "") << "what is not locked goes on";
  box_.clock().Advance(60s);
  EXPECT_EQ(Late("&pin=4711"), "");
}

TEST(PortalWithoutPinTest, NobodyIsAskedWhereTheOperatorDoesNotWantIt) {
  GoldenPortal box(WithPin(false));
  EXPECT_EQ(box.Call("itv", "create_link", "cmd=/ch/4").Js()["error"], "");
  EXPECT_EQ(box.Call("vod", "create_link", "cmd=/media/6.mpg").Js()["error"], "");
}

}  // namespace
}  // namespace holdfast::middleware
