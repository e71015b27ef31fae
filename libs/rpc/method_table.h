// Methods by name, checked against the protos that are linked into the program.
#pragma once

#include <string>
#include <string_view>

#include "google/protobuf/descriptor.h"
#include "libs/rpc/service.h"

namespace holdfast::rpc {

// Ends the process, saying which method and why, unless `table` names a service of the linked
// protos, has a handler for each of its methods, once, with its message types and its kind
// (unary or stream of responses).
void CheckAgainstProto(const ServiceTable& table);

// "package.Service/Method" of the linked protos; ends the process if there is none.
const google::protobuf::MethodDescriptor& MethodByName(std::string_view method);

// How much a call of the method matters when its caller does not say: as its proto declares.
Criticality DeclaredCriticality(const google::protobuf::MethodDescriptor& method);

}  // namespace holdfast::rpc
