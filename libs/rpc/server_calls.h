// The gRPC side of calls that are being served. For server.cpp.
#pragma once

#include <grpcpp/generic/async_generic_service.h>

#include "libs/rpc/server_core.h"

namespace holdfast::rpc {

// What gRPC calls for one call until it is done; owns itself. `method` null: unknown.
grpc::ServerGenericBidiReactor* NewServerCall(ServerCore& core, const ServedMethod* method,
                                              grpc::GenericCallbackServerContext& context);

}  // namespace holdfast::rpc
