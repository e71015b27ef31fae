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

// The server has not looked at the call and never will: its connection was leaving, or gone before
// the call began. gRPC's own retries know that from inside; to others it says so by these texts
// only (1.51, chttp2_transport.cc). A connection that breaks later speaks of its socket, also where
// it was leaving.
bool NeverLookedAt(const TryResult& failure);

std::unique_ptr<WireStream> OpenWireStream(std::shared_ptr<grpc::Channel> channel,
                                           UnderWay::Place place, const std::string& path,
                                           const Headers& headers,
                                           const std::shared_ptr<const EncodedRequest>& request);

}  // namespace holdfast::rpc
