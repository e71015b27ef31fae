#include "libs/discovery/directory.h"

#include <gtest/gtest.h>

#include "libs/testing/status_matchers.h"

namespace holdfast::discovery {
namespace {

using test::HasCode;
using test::IsOk;

class DirectorySpecTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<Directory>> Open(std::string spec) {
    return OpenDirectory({.spec = std::move(spec)}, SystemClock::Get(), random_, metrics_);
  }
  SeededRandom random_{1};
  telemetry::Metrics metrics_;
};

TEST_F(DirectorySpecTest, GoodSpecsOpenWithoutWaitingForAnybody) {
  for (const char* spec :
       {"static:", "static:epg=127.0.0.1:1@a,127.0.0.1:2@b;drm=h:3", "static:cdn_routing=",
        "file:/etc/holdfast/none", "kubernetes:https://127.0.0.1:1?namespace=tv",
        "kubernetes:https://[::1]:1/?namespace=tv&service=holdfast-{service}",
        "dns:{service}.holdfast.internal:50051", "dns:{service}:1?server=127.0.0.1:5353",
        "dns:_grpc._tcp.{service}.holdfast.internal", "etcd:http://127.0.0.1:1",
        "etcd:http://127.0.0.1:1/,http://127.0.0.1:2", "etcd:https://127.0.0.1:1",
        "etcd:http://127.0.0.1:1?user=u&password_file=/none"}) {
    EXPECT_THAT(Open(spec), IsOk()) << spec;
  }
}

TEST_F(DirectorySpecTest, SpecsThatCannotBeReadAreRefused) {
  for (const char* spec : {"",
                           "static",
                           "consul:127.0.0.1",
                           "static:epg",
                           "static:Epg=h:1",
                           "static:epg=h",
                           "static:epg=h:1;epg=h:2",
                           "static:epg=h:1*0",
                           "static:epg=h:1*x",
                           "static:epg=h:1@a b",
                           "static:epg=http://h:1",
                           "dns:",
                           "dns:name:1",
                           "dns:{service}",
                           "dns:{service}:1?server=x",
                           "dns:{service}:1?port=7",
                           "dns:_grpc._tcp.epg",
                           "dns:_grpc._tcp.{service}:7x",
                           "etcd:",
                           "etcd:127.0.0.1:2379",
                           "kubernetes:http://127.0.0.1:1?namespace=tv",
                           "kubernetes:https://api:1?namespace=tv",
                           "kubernetes:https://127.0.0.1:1?namespace=T/V",
                           "kubernetes:https://127.0.0.1:1?namespace=tv&service=x",
                           "etcd:https://127.0.0.1:2379,http://127.0.0.1:1",
                           "etcd:http://127.0.0.1",
                           "etcd:http://h:1?user=u",
                           "etcd:http://h:1?ca=/x",
                           "etcd:http://h:1?usr=u",
                           "etcd:http://h:1?user=",
                           "etcd:https://h:1?cert=/x"}) {
    EXPECT_THAT(Open(spec), HasCode(absl::StatusCode::kInvalidArgument)) << spec;
  }
}

TEST_F(DirectorySpecTest, ACertificateThatIsNotThereStopsTheStart) {
  EXPECT_THAT(Open("etcd:https://127.0.0.1:1?ca=/none/ca.pem"),
              HasCode(absl::StatusCode::kNotFound));
}

TEST_F(DirectorySpecTest, AStaticInstanceHasItsAddressAsIdAndItsZone) {
  ASSERT_OK_AND_ASSIGN(const auto directory, Open("static:epg=127.0.0.1:2@b*50,127.0.0.1:1"));
  InstanceSet told;
  const auto watch = directory->Subscribe("epg", [&](const InstanceSet& set) { told = set; });
  EXPECT_EQ(told, (InstanceSet{
                      {.id = "127.0.0.1:1", .address = "127.0.0.1:1"},
                      {.id = "127.0.0.1:2", .address = "127.0.0.1:2", .zone = "b", .weight = 50}}));
  EXPECT_EQ(directory->Register("epg", told[0]), nullptr);
}

}  // namespace
}  // namespace holdfast::discovery
