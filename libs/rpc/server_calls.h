// The gRPC side of calls that are being served. For server.cpp.
#pragma once

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include "libs/rpc/server_core.h"

namespace holdfast::rpc {

// What gRPC calls for one call until it is done; each owns itself.

// `request` and `response` are gRPC's and stay until then.
grpc::ServerUnaryReactor* ServeUnary(ServerCore& core, const ServedMethod& method,
                                     grpc::CallbackServerContext& context,
                                     const grpc::ByteBuffer& request, grpc::ByteBuffer& response);

// `method` null: unknown.
grpc::ServerGenericBidiReactor* ServeStream(ServerCore& core, const ServedMethod* method,
                                            grpc::GenericCallbackServerContext& context);

}  // namespace holdfast::rpc
