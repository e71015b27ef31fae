#include "services/middleware/domain/box_event.h"

#include <gtest/gtest.h>

#include "services/middleware/domain/viewer_item.h"

namespace holdfast::middleware {
namespace {

const PackageSet kPackages({"basic", "sport"});
const EventReceiver kBox{.mac = "m1", .account = "a1", .model = "MAG250", .packages = kPackages};

BoxEvent For(EventTarget::Kind kind, std::vector<std::string> names) {
  return {.id = 1, .word = "send_msg", .target = {kind, std::move(names)}};
}

TEST(BoxEventTest, AnEventIsForOneAListAGroupOrAll) {
  using Kind = EventTarget::Kind;
  EXPECT_TRUE(IsFor(For(Kind::kAll, {}), kBox));
  EXPECT_TRUE(IsFor(For(Kind::kMacs, {"m0", "m1"}), kBox));
  EXPECT_TRUE(IsFor(For(Kind::kAccounts, {"a1"}), kBox));
  EXPECT_TRUE(IsFor(For(Kind::kModels, {"MAG250"}), kBox));
  EXPECT_TRUE(IsFor(For(Kind::kPackages, {"sport"}), kBox));
  EXPECT_FALSE(IsFor(For(Kind::kMacs, {"m2"}), kBox));
  EXPECT_FALSE(IsFor(For(Kind::kPackages, {"films"}), kBox));
}

TEST(BoxEventTest, AnAccountWithoutANameIsNobodys) {
  const EventReceiver stranger{.mac = "m1", .account = "", .model = "", .packages = kPackages};
  EXPECT_FALSE(IsFor(For(EventTarget::Kind::kAccounts, {""}), stranger));
}

TEST(BoxEventTest, CutOffsGoBeforeCommandsAndCommandsBeforeMessages) {
  const BoxEvent message{.id = 1, .word = "send_msg", .created_at_ms = 1, .target = {}};
  const BoxEvent reboot{.id = 2, .word = "reboot", .created_at_ms = 2, .target = {}};
  const BoxEvent cut_off{.id = 3, .word = "cut_off", .created_at_ms = 3, .target = {}};
  EXPECT_TRUE(GoesBefore(cut_off, reboot));
  EXPECT_TRUE(GoesBefore(reboot, message));
  EXPECT_FALSE(GoesBefore(message, cut_off));
  BoxEvent later = message;
  later.created_at_ms = 5;
  EXPECT_TRUE(GoesBefore(message, later));
}

TEST(BoxEventTest, AnEventHasItsTime) {
  const BoxEvent event{
      .word = "reboot", .not_before_ms = 1000, .expires_at_ms = 2000, .target = {}};
  EXPECT_FALSE(IsDue(event, WallTime(std::chrono::milliseconds(999))));
  EXPECT_TRUE(IsDue(event, WallTime(std::chrono::milliseconds(1000))));
  EXPECT_FALSE(IsDue(event, WallTime(std::chrono::milliseconds(2000))));
  EXPECT_TRUE(IsEventWord("update_epg"));
  EXPECT_FALSE(IsEventWord("explode"));
}

ViewerItem Item(const std::string& key, std::int64_t at_ms, std::optional<std::string> text,
                std::int64_t sequence = 0) {
  return {.kind = ViewerItem::Kind::kResumePoint,
          .key = key,
          .text = std::move(text),
          .at_ms = at_ms,
          .sequence = sequence};
}

TEST(ViewerItemsTest, TheLaterWriteWinsInWhateverOrderWritesCome) {
  ViewerItems items;
  items.Merge(Item("5", 200, "late"));
  items.Merge(Item("5", 100, "early"));
  EXPECT_EQ(*items.Find(ViewerItem::Kind::kResumePoint, "5")->text, "late");
  items.Merge(Item("5", 200, "same time, later sequence", 1));
  EXPECT_EQ(*items.Find(ViewerItem::Kind::kResumePoint, "5")->text, "same time, later sequence");
  items.Merge(Item("5", 300, std::nullopt));
  EXPECT_EQ(items.Find(ViewerItem::Kind::kResumePoint, "5"), nullptr);
  items.Merge(Item("5", 250, "too late"));
  EXPECT_EQ(items.Find(ViewerItem::Kind::kResumePoint, "5"), nullptr);
}

TEST(ViewerItemsTest, HistoryIsShortInMemory) {
  ViewerItems items;
  for (std::size_t i = 0; i < kMaxHistory + 50; ++i) {
    items.Merge({.kind = ViewerItem::Kind::kHistory,
                 .key = std::to_string(i),
                 .text = "x",
                 .at_ms = static_cast<std::int64_t>(i)});
  }
  const auto entries = items.Newest(ViewerItem::Kind::kHistory);
  ASSERT_EQ(entries.size(), kMaxHistory);
  EXPECT_EQ(entries.front()->key, std::to_string(kMaxHistory + 49));
}

TEST(ViewerItemsTest, AHouseholdSharesWhatABoxWithoutAccountKeepsForItself) {
  Device device;
  device.mac = "m1";
  EXPECT_EQ(ViewerOf(device), "mac:m1");
  device.account = AccountId("a1");
  EXPECT_EQ(ViewerOf(device), "a1");
}

}  // namespace
}  // namespace holdfast::middleware
