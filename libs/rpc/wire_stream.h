// A stream of responses over one grpc::Channel. For connection.cpp.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/status.h>

#include <memory>
#include <string>

#include "libs/rpc/connection.h"

namespace holdfast::rpc {

struct EncodedRequest {
  grpc::ByteBuffer bytes;
};

void AddHeaders(const Headers& headers, grpc::ClientContext& context);

// Who made the status that a call failed with, and what else came with it.
TryResult FailureOf(const grpc::Status& status, const grpc::ClientContext& context);

std::unique_ptr<WireStream> OpenWireStream(std::shared_ptr<grpc::Channel> channel,
                                           UnderWay::Place place, const std::string& path,
                                           const Headers& headers,
                                           const std::shared_ptr<const EncodedRequest>& request);

}  // namespace holdfast::rpc
