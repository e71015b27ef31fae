#include "libs/discovery/endpoint_slice.h"

#include <gtest/gtest.h>

#include "libs/testing/status_matchers.h"

namespace holdfast::discovery {
namespace {

using test::HasMessage;
using Kind = EndpointSliceEvent::Kind;

// As `kubectl get --raw /apis/discovery.k8s.io/v1/namespaces/tv/endpointslices` shows it,
// shortened.
constexpr std::string_view kList = R"({
  "kind": "EndpointSliceList", "apiVersion": "discovery.k8s.io/v1",
  "metadata": {"resourceVersion": "7714", "continue": "eyJ2Ijoi", "remainingItemCount": 3},
  "items": [{
    "metadata": {"name": "epg-x7k2p", "namespace": "tv", "resourceVersion": "7700",
      "labels": {"kubernetes.io/service-name": "epg", "app.kubernetes.io/version": "1.4.2",
                 "holdfast.internal/weight": "50"}},
    "addressType": "IPv4",
    "ports": [{"name": "admin", "port": 9000, "protocol": "TCP"},
              {"name": "grpc", "port": 50051, "protocol": "TCP"}],
    "endpoints": [
      {"addresses": ["10.1.0.7"], "zone": "a", "nodeName": "node-1",
       "conditions": {"ready": true, "serving": true, "terminating": false},
       "targetRef": {"kind": "Pod", "name": "epg-5d9-abcde", "namespace": "tv"}},
      {"addresses": ["10.1.1.8"], "zone": "b",
       "conditions": {"ready": false, "serving": true, "terminating": true},
       "targetRef": {"kind": "Pod", "name": "epg-5d9-fghij"}}]}]})";

EndpointSlice SliceWith(std::string_view rest) {
  const auto page = ParseEndpointSlices(
      fmt::format(R"({{"metadata":{{"resourceVersion":"1"}},"items":[{{"metadata":{{"name":"s"}},)"
                  R"("ports":[{{"port":1}}],{}}}]}})",
                  rest),
      "grpc");
  EXPECT_THAT(page, test::IsOk());
  return page.ok() && !page->slices.empty() ? page->slices[0] : EndpointSlice();
}

std::string IdsOf(const EndpointSlice& slice) {
  std::string ids;
  for (const Instance& i : slice.instances) {
    ids += i.id + (i.state == State::kDraining ? "(draining) " : " ");
  }
  return ids;
}

TEST(EndpointSliceTest, AListIsReadWithEverythingThatItSays) {
  ASSERT_OK_AND_ASSIGN(const EndpointSlicePage page, ParseEndpointSlices(kList, "grpc"));
  EXPECT_EQ(page.resource_version, "7714");
  EXPECT_EQ(page.next, "eyJ2Ijoi");
  ASSERT_EQ(page.slices.size(), 1u);
  EXPECT_EQ(page.slices[0].name, "epg-x7k2p");
  const std::vector<Instance> expected = {{.id = "epg-5d9-abcde",
                                           .address = "10.1.0.7:50051",
                                           .zone = "a",
                                           .version = "1.4.2",
                                           .weight = 50},
                                          {.id = "epg-5d9-fghij",
                                           .address = "10.1.1.8:50051",
                                           .zone = "b",
                                           .version = "1.4.2",
                                           .weight = 50,
                                           .state = State::kDraining}};
  EXPECT_EQ(page.slices[0].instances, expected);
}

TEST(EndpointSliceTest, ConditionsDecideWhoIsListed) {
  const auto listed = [](std::string_view conditions) {
    return IdsOf(SliceWith(fmt::format(
        R"("endpoints":[{{"addresses":["1.1.1.1"],"targetRef":{{"name":"x"}},"conditions":{}}}])",
        conditions)));
  };
  EXPECT_EQ(listed(R"({"ready":true})"), "x ");
  EXPECT_EQ(listed(R"({"ready":null})"), "x ") << "unknown counts as ready";
  EXPECT_EQ(listed(R"({})"), "x ");
  EXPECT_EQ(listed(R"({"ready":false})"), "");
  EXPECT_EQ(listed(R"({"ready":false,"serving":true,"terminating":false})"), "");
  EXPECT_EQ(listed(R"({"ready":false,"serving":true,"terminating":true})"), "x(draining) ");
  EXPECT_EQ(listed(R"({"ready":false,"serving":false,"terminating":true})"), "");
  EXPECT_EQ(listed(R"({"terminating":true})"), "") << "an old server that does not know serving";
}

TEST(EndpointSliceTest, WithoutAPodTheAddressIsTheId) {
  EXPECT_EQ(IdsOf(SliceWith(R"("endpoints":[{"addresses":["1.1.1.1"]}])")), "1.1.1.1:1 ");
  EXPECT_EQ(IdsOf(SliceWith(R"("addressType":"IPv6","endpoints":[{"addresses":["fd00::1"]}])")),
            "[fd00::1]:1 ");
}

TEST(EndpointSliceTest, WhatCannotBeUsedIsPassedOver) {
  EXPECT_EQ(IdsOf(SliceWith(R"("endpoints":null)")), "");
  EXPECT_EQ(IdsOf(SliceWith(R"("endpoints":[{"addresses":[]},{"addresses":[7]},{},7,
                               {"addresses":["a b"]},{"addresses":["1.1.1.1"]}])")),
            "1.1.1.1:1 ");
  EXPECT_EQ(IdsOf(SliceWith(R"("endpoints":[{"addresses":["1.1.1.1"],
                               "targetRef":{"name":"../etc"}}])")),
            "");
}

TEST(EndpointSliceTest, OfSeveralPortsTheNamedOneCounts) {
  const auto port = [](std::string_view ports) {
    const auto page = ParseEndpointSlices(
        fmt::format(
            R"({{"metadata":{{"resourceVersion":"1"}},"items":[{{"metadata":{{"name":"s"}},)"
            R"("ports":{},"endpoints":[{{"addresses":["h"]}}]}}]}})",
            ports),
        "grpc");
    return IdsOf(page->slices[0]);
  };
  EXPECT_EQ(port(R"([{"name":"http","port":80},{"name":"grpc","port":7}])"), "h:7 ");
  EXPECT_EQ(port(R"([{"name":"http","port":80},{"name":"admin","port":7}])"), "");
  EXPECT_EQ(port(R"([{"port":8}])"), "h:8 ");
  EXPECT_EQ(port(R"([{"port":null}])"), "");
  EXPECT_EQ(port(R"([{"port":99999}])"), "");
  EXPECT_EQ(port("null"), "");
}

TEST(EndpointSliceTest, EventsAreTold) {
  const auto event = [](std::string_view type, std::string_view object) {
    return ParseEndpointSliceEvent(fmt::format(R"({{"type":"{}","object":{}}})", type, object),
                                   "grpc");
  };
  const std::string slice = R"({"metadata":{"name":"s","resourceVersion":"12"}})";
  EXPECT_EQ(event("ADDED", slice)->kind, Kind::kChanged);
  EXPECT_EQ(event("MODIFIED", slice)->slice.name, "s");
  EXPECT_EQ(event("DELETED", slice)->kind, Kind::kDeleted);
  EXPECT_EQ(event("BOOKMARK", R"({"metadata":{"resourceVersion":"13"}})")->resource_version, "13");
  EXPECT_EQ(event("ERROR", R"({"code":410,"message":"too old"})")->kind, Kind::kExpired);
  EXPECT_EQ(event("ERROR", R"({"code":500,"message":"boom"})")->reason, "boom");
}

TEST(EndpointSliceTest, WhatNoApiServerSendsIsRefused) {
  for (const char* bad : {"", "[]", "{}", R"({"type":"ADDED"})", R"({"type":"ADDED","object":{}})",
                          R"({"type":"X","object":{"metadata":{"resourceVersion":"1"}}})",
                          R"({"type":"ADDED","object":{"metadata":{"resourceVersion":"1"}}})"}) {
    EXPECT_FALSE(ParseEndpointSliceEvent(bad, "grpc").ok()) << bad;
  }
  EXPECT_THAT(ParseEndpointSlices("{}", "grpc"), HasMessage("resourceVersion"));
  EXPECT_THAT(ParseEndpointSlices(R"({"metadata":{"resourceVersion":"1"},"items":7})", "grpc"),
              HasMessage("items"));
  EXPECT_THAT(ParseEndpointSlices(R"({"metadata":{"resourceVersion":"1"},"items":[{}]})", "grpc"),
              HasMessage("name"));
}

TEST(EndpointSliceTest, TheReasonOfARefusalIsShown) {
  EXPECT_EQ(ReasonOf(R"({"kind":"Status","message":"forbidden"})"), "forbidden");
  EXPECT_EQ(ReasonOf("<html>"), "");
}

TEST(EndpointSliceTest, SlicesAreMergedIntoOneSetByPod) {
  EndpointSlices slices;
  slices["a"] = {.name = "a",
                 .ipv6 = true,
                 .instances = {{.id = "pod-1", .address = "[fd00::1]:1"},
                               {.id = "pod-3", .address = "[fd00::3]:1"}}};
  slices["b"] = {
      .name = "b",
      .instances = {{.id = "pod-1", .address = "10.0.0.1:1"},
                    {.id = "pod-2", .address = "10.0.0.2:1", .state = State::kDraining}}};
  slices["c"] = {.name = "c", .instances = {{.id = "pod-2", .address = "10.0.0.2:1"}}};
  const InstanceSet expected = {{.id = "pod-1", .address = "10.0.0.1:1"},
                                {.id = "pod-2", .address = "10.0.0.2:1"},
                                {.id = "pod-3", .address = "[fd00::3]:1"}};
  EXPECT_EQ(Merged(slices), expected);
}

}  // namespace
}  // namespace holdfast::discovery
