#include "libs/storage/resolver.h"

#include <gtest/gtest.h>

#include "libs/testing/status_matchers.h"

namespace holdfast::storage {
namespace {

using test::HasCode;

std::string Shown(std::string_view hosts) {
  std::string shown;
  for (const HostPort& host : ParseHosts(hosts, "5432")) shown += host.host + "|" + host.port + " ";
  return shown;
}

TEST(ParseHostsTest, TakesNamesAddressesAndSocketFolders) {
  EXPECT_EQ(Shown("pg-a:1,pg-b , 10.0.0.1:2"), "pg-a|1 pg-b|5432 10.0.0.1|2 ");
  EXPECT_EQ(Shown("[::1]:7,[::1],::1"), "::1|7 ::1|5432 ::1|5432 ");
  EXPECT_EQ(Shown("/run/pg:6,/run/pg"), "/run/pg|6 /run/pg|5432 ");
  EXPECT_EQ(Shown(" ,,"), "");
}

TEST(ResolveHostTest, AnAddressIsItself) {
  EXPECT_THAT(*ResolveHost("127.0.0.9", Deadline::After(std::chrono::seconds(1))),
              testing::ElementsAre("127.0.0.9"));
}

TEST(ResolveHostTest, FindsThisMachine) {
  EXPECT_THAT(*ResolveHost("localhost", Deadline::After(std::chrono::seconds(5))),
              testing::Contains("127.0.0.1"));
}

TEST(ResolveHostTest, AnUnknownNameIsAnErrorInTime) {
  EXPECT_THAT(ResolveHost("nowhere.invalid", Deadline::After(std::chrono::milliseconds(50))),
              HasCode(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace holdfast::storage
