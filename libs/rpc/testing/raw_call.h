// One call without the client's half of libs/rpc: shows what a server puts beside its answer.
#pragma once

#include <grpc/support/time.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>

#include <memory>
#include <string>

#include "libs/base/criticality.h"
#include "libs/rpc/grpc_wire.h"
#include "libs/rpc/testing/rpc_test.pb.h"

namespace holdfast::rpc {

struct RawAnswer {
  grpc::Status status;
  std::string pushback;  // grpc-retry-pushback-ms, or ""
};

class RawClient {
 public:
  explicit RawClient(const std::string& address)
      : channel_(grpc::CreateChannel(address, grpc::InsecureChannelCredentials())) {}

  RawAnswer Ask(const std::string& method, const std::string& text, Criticality criticality,
                Duration timeout = std::chrono::seconds(10)) {
    grpc::ClientContext context;
    context.set_deadline(GrpcDeadlineAfter(timeout));
    context.AddMetadata(kContextKey, std::to_string(IndexOf(criticality)));
    rpctest::v1::Text request;
    request.set_text(text);
    grpc::CompletionQueue queue;
    grpc::GenericStub stub(channel_);
    const auto call = stub.PrepareUnaryCall(&context, "/" + method, Encode(request), &queue);
    call->StartCall();
    grpc::ByteBuffer response;
    RawAnswer answer;
    call->Finish(&response, &answer.status, this);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    const auto& trailers = context.GetServerTrailingMetadata();
    if (const auto it = trailers.find(kPushbackKey); it != trailers.end()) {
      answer.pushback.assign(it->second.data(), it->second.size());
    }
    return answer;
  }

  grpc::Channel& channel() { return *channel_; }

 private:
  const std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace holdfast::rpc
