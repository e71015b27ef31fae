#include "services/middleware/domain/hardware.h"

#include <gtest/gtest.h>

#include "services/middleware/domain/firmware.h"

namespace holdfast::middleware {
namespace {

HardwareIds Ids(std::string device_id, std::string device_id2 = "", std::string sn = "") {
  return {std::move(device_id), std::move(device_id2), std::move(sn)};
}

TEST(HardwareTest, WhatTellsABoxFromAnother) {
  const HardwareIds box = Ids("A", "A2", "SN1");
  EXPECT_EQ(SignOfClone(box, box), CloneSign::kNone);
  EXPECT_EQ(SignOfClone(box, Ids("B", "A2", "SN1")), CloneSign::kOtherDeviceId);
  EXPECT_EQ(SignOfClone(box, Ids("", "A2", "SN1")), CloneSign::kNoDeviceId);
  EXPECT_EQ(SignOfClone(box, Ids("A", "B2", "SN1")), CloneSign::kOtherDeviceId2);
  EXPECT_EQ(SignOfClone(box, Ids("A", "A2", "SN2")), CloneSign::kOtherSerialNumber);
}

TEST(HardwareTest, WhatIsNotSentOrAllZerosSpeaksForNothing) {
  EXPECT_EQ(SignOfClone(Ids("A", "A2", "SN1"), Ids("A")), CloneSign::kNone);
  EXPECT_EQ(SignOfClone(Ids("A", "A2", "SN1"), Ids("A", "", "0000000000000")), CloneSign::kNone);
  EXPECT_EQ(SignOfClone(Ids("A", "", "0000"), Ids("A", "", "SN1")), CloneSign::kNone);
}

TEST(HardwareTest, ABoxThatNeverSentADeviceIdIsBoundToNothing) {
  EXPECT_EQ(SignOfClone(Ids("", "A2", "SN1"), Ids("", "B2", "SN2")), CloneSign::kNone);
  EXPECT_EQ(SignOfClone(Ids(""), Ids("A")), CloneSign::kNone);
}

TEST(HardwareTest, TheIdsAreKeptWithTheDeviceIdTheyCameWith) {
  Device device;
  device.hardware_id = "A";
  device.settings[std::string(kHardwareIds)] = {HardwareSetting(Ids("A", "A2", "SN1")), 1};
  EXPECT_EQ(BoundIds(device), Ids("A", "A2", "SN1"));
  device.hardware_id = "B";  // an operator made the box forget the former one
  EXPECT_EQ(BoundIds(device), Ids("B"));
  device.hardware_id = "";
  EXPECT_EQ(BoundIds(device), Ids(""));
}

TEST(HardwareTest, TheFirstIdsStayAndLaterOnesFillTheGaps) {
  EXPECT_EQ(WithNew(Ids("A", "", "SN1"), Ids("A", "A2", "SN2")), Ids("A", "A2", "SN1"));
  EXPECT_EQ(WithNew(Ids("A", "", "000"), Ids("A", "", "SN2")), Ids("A", "", "SN2"));
}

TEST(FirmwareTest, TheVersionOfThePlayerIsHexadecimal) {
  EXPECT_EQ(PlayerVersionIn("ImageDate: x; Player Engine version: 0x566"), 0x566);
  EXPECT_EQ(PlayerVersionIn("Player Engine version: 0x58c; more"), 0x58c);
  for (const char* none : {"", "0x566", "Player Engine version: 566", "Player Engine version: 0x",
                           "Player Engine version: 0xfffffffffffffffff"}) {
    EXPECT_EQ(PlayerVersionIn(none), std::nullopt) << none;
  }
}

TEST(FirmwareTest, OldIsALowerVersionOfABoxThatSaysOne) {
  const std::string_view old = "Player Engine version: 0x565";
  EXPECT_TRUE(IsTooOld(old, "MAG250", 0x566));
  EXPECT_FALSE(IsTooOld("Player Engine version: 0x566", "MAG250", 0x566));
  EXPECT_FALSE(IsTooOld(old, "MAG200", 0x566));
  EXPECT_FALSE(IsTooOld(old, "MAG260", 0x566));
  EXPECT_FALSE(IsTooOld("", "MAG250", 0x566));
  EXPECT_FALSE(IsTooOld(old, "MAG250", 0));
}

}  // namespace
}  // namespace holdfast::middleware
