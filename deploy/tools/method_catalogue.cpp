#include "deploy/tools/method_catalogue.h"

#include <vector>

#include "grpc/health/v1/health.pb.h"
#include "holdfast/analytics/v1/analytics.pb.h"
#include "holdfast/billing/v1/billing.pb.h"
#include "holdfast/cdn_routing/v1/cdn_routing.pb.h"
#include "holdfast/drm/v1/drm.pb.h"
#include "holdfast/epg/v1/epg.pb.h"
#include "holdfast/middleware/v1/middleware.pb.h"
#include "holdfast/replica/v1/replica.pb.h"
#include "libs/base/status.h"

namespace holdfast::tools {
namespace {

using google::protobuf::FileDescriptor;
using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;

// Naming one message of each package keeps the linker from dropping its descriptors.
std::vector<const ServiceDescriptor*> Services() {
  const FileDescriptor* const files[] = {
      billing::v1::Entitlement::descriptor()->file(),
      middleware::v1::Device::descriptor()->file(),
      epg::v1::Programme::descriptor()->file(),
      cdn_routing::v1::Edge::descriptor()->file(),
      drm::v1::Epoch::descriptor()->file(),
      analytics::v1::PlaybackEvent::descriptor()->file(),
      replica::v1::Item::descriptor()->file(),
      grpc::health::v1::HealthCheckRequest::descriptor()->file(),
  };
  std::vector<const ServiceDescriptor*> services;
  for (const FileDescriptor* file : files) {
    for (int i = 0; i < file->service_count(); ++i) services.push_back(file->service(i));
  }
  return services;
}

std::string FullName(const MethodDescriptor& method) {
  return method.service()->full_name() + "/" + method.name();
}

// Every method whose name ends with `name` at a dot.
std::vector<const MethodDescriptor*> Matching(std::string_view name) {
  std::vector<const MethodDescriptor*> found;
  for (const ServiceDescriptor* service : Services()) {
    for (int i = 0; i < service->method_count(); ++i) {
      const std::string full = "." + FullName(*service->method(i));
      if (std::string_view(full).ends_with("." + std::string(name))) {
        found.push_back(service->method(i));
      }
    }
  }
  return found;
}

}  // namespace

std::string ListMethods() {
  std::string page;
  for (const ServiceDescriptor* service : Services()) {
    for (int i = 0; i < service->method_count(); ++i) {
      page += FullName(*service->method(i));
      page += service->method(i)->server_streaming() ? "  (stream)\n" : "\n";
    }
  }
  return page;
}

absl::StatusOr<const MethodDescriptor*> FindMethod(std::string_view name) {
  const std::vector<const MethodDescriptor*> found = Matching(name);
  if (found.size() == 1) return found.front();
  if (found.empty()) return NotFound("no method '{}'; there are:\n{}", name, ListMethods());
  return InvalidArgument("'{}' may be {} or {}", name, FullName(*found[0]), FullName(*found[1]));
}

std::string DescribeMethod(const MethodDescriptor& method) {
  return method.DebugString() + "\n" + method.input_type()->DebugString() + "\n" +
         method.output_type()->DebugString();
}

}  // namespace holdfast::tools
