// All methods of all services, from the descriptors that are linked into this program.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "google/protobuf/descriptor.h"

namespace holdfast::tools {

// "holdfast.billing.v1.Billing/GetEntitlement", a line each; streams are marked.
std::string ListMethods();

// NOT_FOUND names what there is instead. The service may be shortened to what is unique:
// "Billing/GetEntitlement".
absl::StatusOr<const google::protobuf::MethodDescriptor*> FindMethod(std::string_view name);

// The method and its messages as they stand in the proto.
std::string DescribeMethod(const google::protobuf::MethodDescriptor& method);

}  // namespace holdfast::tools
