#include "libs/discovery/instance_text.h"

#include <gtest/gtest.h>

#include "libs/base/random.h"
#include "libs/testing/status_matchers.h"

namespace holdfast::discovery {
namespace {

using test::HasMessage;
using test::IsOk;

TEST(InstanceTextTest, WhatWasWrittenIsReadBack) {
  const Instance instance{
      .id = "epg-a", .address = "127.0.0.1:50051", .zone = "a", .version = "1.2", .weight = 7};
  ASSERT_OK_AND_ASSIGN(const Instance read, ParseInstance("epg-a", ToText(instance)));
  EXPECT_EQ(read, instance);
}

TEST(InstanceTextTest, AbsentMembersTakeDefaultsAndUnknownOnesAreIgnored) {
  ASSERT_OK_AND_ASSIGN(const Instance read,
                       ParseInstance("x", R"({"address":"[::1]:80","colour":{"deep":[1]}})"));
  EXPECT_EQ(read.weight, 100);
  EXPECT_EQ(read.zone, "");
}

TEST(InstanceTextTest, AValueThatIsNotAnInstanceIsRefusedWithTheReason) {
  EXPECT_THAT(ParseInstance("x", ""), HasMessage("not a JSON object"));
  EXPECT_THAT(ParseInstance("x", "[]"), HasMessage("not a JSON object"));
  EXPECT_THAT(ParseInstance("x", "{}"), HasMessage("address"));
  EXPECT_THAT(ParseInstance("x", R"({"address":7})"), HasMessage("address is not text"));
  EXPECT_THAT(ParseInstance("x", R"({"address":"h:1","zone":"a b"})"), HasMessage("zone"));
  EXPECT_THAT(ParseInstance("x", R"({"address":"h:1","weight":0})"), HasMessage("weight"));
  EXPECT_THAT(ParseInstance("x", R"({"address":"h:1","weight":1e9})"), HasMessage("weight"));
  EXPECT_THAT(ParseInstance("x", R"({"address":"h:1","weight":"1"})"), HasMessage("weight"));
  EXPECT_THAT(ParseInstance("x", std::string(100000, '[')), HasMessage("longer"));
  EXPECT_THAT(ParseInstance("x", std::string(4000, '[')), HasMessage("not a JSON object"));
  EXPECT_THAT(ParseInstance("", R"({"address":"h:1"})"), HasMessage("id"));
  EXPECT_THAT(ParseInstance("a/b", R"({"address":"h:1"})"), HasMessage("id"));
}

TEST(InstanceTextTest, ADrainingInstanceSaysSo) {
  const Instance instance{.id = "epg-a", .address = "127.0.0.1:1", .state = State::kDraining};
  ASSERT_OK_AND_ASSIGN(const Instance read, ParseInstance("epg-a", ToText(instance)));
  EXPECT_EQ(read, instance);
  EXPECT_THAT(ParseInstance("x", R"({"address":"h:1","state":"asleep"})"), HasMessage("state"));
}

TEST(InstanceTextTest, ListsByServiceAreRead) {
  ASSERT_OK_AND_ASSIGN(const auto lists, ParseInstanceLists(R"({
    "epg": [{"id":"epg-a","address":"10.0.0.7:50051","zone":"a","version":"2","weight":7},
            {"address":"10.0.0.8:50051","state":"draining"}],
    "drm": []})"));
  const InstanceSet epg = {
      {.id = "epg-a", .address = "10.0.0.7:50051", .zone = "a", .version = "2", .weight = 7},
      {.id = "10.0.0.8:50051", .address = "10.0.0.8:50051", .state = State::kDraining}};
  EXPECT_EQ(lists.at("epg"), epg);
  EXPECT_TRUE(lists.at("drm").empty());
}

TEST(InstanceTextTest, ListsWithAMistakeAreRefusedWithItsPlace) {
  const auto list = [](std::string_view entries) {
    return ParseInstanceLists(fmt::format(R"({{"epg":[{}]}})", entries));
  };
  EXPECT_THAT(ParseInstanceLists(""), HasMessage("not JSON"));
  EXPECT_THAT(ParseInstanceLists("{\"epg\":["), HasMessage("byte 8"));
  EXPECT_THAT(ParseInstanceLists("[]"), HasMessage("object"));
  EXPECT_THAT(ParseInstanceLists(R"({"../x":[]})"), HasMessage("name"));
  EXPECT_THAT(ParseInstanceLists(R"({"epg":{}})"), HasMessage("epg: not a list"));
  EXPECT_THAT(ParseInstanceLists(R"({"epg":[],"epg":[]})"), HasMessage("epg is named twice"));
  EXPECT_THAT(list(R"({"address":"h:1"},{"address":"h"})"), HasMessage("epg: entry 1: address"));
  EXPECT_THAT(list(R"({"address":"h:1","id":"a/b"})"), HasMessage("id"));
  EXPECT_THAT(list(R"({"address":"h:1"},{"address":"h:1"})"), HasMessage("h:1 is listed twice"));
}

TEST(InstanceTextTest, AnAddressIsAHostAndAPort) {
  for (const char* good : {"127.0.0.1:1", "edge.example:65535", "[::1]:50051"})
    EXPECT_TRUE(IsAddress(good)) << good;
  for (const char* bad : {"", ":", "host", "host:", ":80", "host:0", "host:65536", "host:-1",
                          "host:1x", "::1:80", "a b:1", "http://h:1", "[]:1", "h:99999999999"}) {
    EXPECT_FALSE(IsAddress(bad)) << bad;
  }
}

TEST(InstanceTextTest, DamagedTextNeverDoesMoreThanFail) {
  const std::uint64_t seed = SecureSeed();
  SCOPED_TRACE(seed);
  SeededRandom random(seed);
  const std::string good =
      ToText({.id = "x", .address = "127.0.0.1:50051", .zone = "a", .version = "1"});
  for (int i = 0; i < 20000; ++i) {
    std::string text = good;
    for (std::uint64_t n = random.Below(4) + 1; n > 0; --n) {
      text[random.Below(text.size())] = static_cast<char>(random.Below(256));
    }
    text.resize(random.Below(text.size() + 1));
    const absl::StatusOr<Instance> read = ParseInstance("x", text);
    EXPECT_TRUE(!read.ok() || IsAddress(read->address));
  }
}

}  // namespace
}  // namespace holdfast::discovery
