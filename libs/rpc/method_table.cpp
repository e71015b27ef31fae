#include "libs/rpc/method_table.h"

#include <fmt/format.h>

#include <set>

#include "google/protobuf/descriptor.pb.h"
#include "holdfast/options/v1/options.pb.h"
#include "libs/base/check.h"

namespace holdfast::rpc {

namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;

void Require(bool condition, std::string_view what) {
  if (!condition) CheckFailed(__FILE__, __LINE__, what);
}

void CheckType(const std::string& method, std::string_view side, const Descriptor* handler_has,
               const Descriptor* proto_has) {
  Require(handler_has == proto_has,
          fmt::format("{}: the handler's {} is {}, the proto's is {}", method, side,
                      handler_has->full_name(), proto_has->full_name()));
}

void CheckMethod(const ServiceTable::Method& method, const MethodDescriptor& proto) {
  const std::string& name = proto.full_name();
  Require(!proto.client_streaming(), name + ": streams of requests are not served");
  Require(proto.server_streaming() == (method.stream != nullptr),
          name + (proto.server_streaming() ? ": the proto says it streams, the handler does not"
                                           : ": the handler streams, the proto says it does not"));
  CheckType(name, "request", method.new_request()->GetDescriptor(), proto.input_type());
  if (method.unary) {
    CheckType(name, "response", method.new_response()->GetDescriptor(), proto.output_type());
  }
}

}  // namespace

void CheckAgainstProto(const ServiceTable& table) {
  const ServiceDescriptor* service =
      DescriptorPool::generated_pool()->FindServiceByName(table.full_name());
  Require(service != nullptr, fmt::format("no linked proto has the service {}", table.full_name()));
  std::set<std::string> handled;
  for (const ServiceTable::Method& method : table.methods()) {
    const MethodDescriptor* proto = service->FindMethodByName(method.name);
    Require(proto != nullptr, fmt::format("{} has no method {}", table.full_name(), method.name));
    Require(handled.insert(method.name).second,
            fmt::format("{} has two handlers", proto->full_name()));
    CheckMethod(method, *proto);
  }
  for (int i = 0; i < service->method_count(); ++i) {
    Require(handled.contains(service->method(i)->name()),
            fmt::format("{} has no handler", service->method(i)->full_name()));
  }
}

const MethodDescriptor& MethodByName(std::string_view method) {
  std::string dotted(method);
  if (const auto slash = dotted.find('/'); slash != std::string::npos) dotted[slash] = '.';
  const MethodDescriptor* found = DescriptorPool::generated_pool()->FindMethodByName(dotted);
  Require(found != nullptr && method.find('/') != std::string_view::npos,
          fmt::format("no linked proto has the method {}", method));
  return *found;
}

Criticality DeclaredCriticality(const MethodDescriptor& method) {
  namespace options = ::holdfast::options::v1;
  switch (method.options().GetExtension(options::criticality)) {
    case options::CRITICALITY_CRITICAL:
      return Criticality::kCritical;
    case options::CRITICALITY_BACKGROUND:
      return Criticality::kBackground;
    case options::CRITICALITY_BULK:
      return Criticality::kBulk;
    default:
      return Criticality::kInteractive;
  }
}

}  // namespace holdfast::rpc
