// One call without the client's half of libs/rpc: shows what a server puts beside its answer.
#pragma once

#include <arpa/inet.h>
#include <grpc/support/time.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/create_channel_posix.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <memory>
#include <optional>
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

  // Comes from another address of this machine, "127.0.0.2".
  RawClient(std::uint16_t port, const std::string& source)
      : channel_(grpc::CreateInsecureChannelFromFd("server", ConnectFrom(source, port))) {}

  // `criticality` nothing: it says nothing of itself.
  RawAnswer Ask(const std::string& method, const std::string& text,
                std::optional<Criticality> criticality,
                Duration timeout = std::chrono::seconds(10)) {
    grpc::ClientContext context;
    context.set_deadline(GrpcDeadlineAfter(timeout));
    if (criticality) context.AddMetadata(kContextKey, std::to_string(IndexOf(*criticality)));
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
  static int ConnectFrom(const std::string& source, std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in here{};
    here.sin_family = AF_INET;
    ::inet_pton(AF_INET, source.c_str(), &here.sin_addr);
    sockaddr_in there{};
    there.sin_family = AF_INET;
    there.sin_port = htons(port);
    there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&here), sizeof here), 0);
    EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&there), sizeof there), 0);
    return fd;
  }

  const std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace holdfast::rpc
