// A gRPC server of somebody else's making that declines every call.
#pragma once

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace holdfast::rpc {

// Health probes are calls too: they are declined like the rest. Any thread.
class DecliningServer final : public grpc::CallbackGenericService {
 public:
  // `look` sees each call before it is declined and may add metadata to the answer.
  using Look = std::function<void(grpc::GenericCallbackServerContext&)>;

  DecliningServer(grpc::Status with, Look look) : with_(std::move(with)), look_(std::move(look)) {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterCallbackGenericService(this);
    server_ = builder.BuildAndStart();
    address_ = "127.0.0.1:" + std::to_string(port);
  }
  ~DecliningServer() override { server_->Shutdown(std::chrono::system_clock::now()); }

  const std::string& address() const { return address_; }

 private:
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    class Declined final : public grpc::ServerGenericBidiReactor {
     public:
      explicit Declined(const grpc::Status& with) { Finish(with); }
      void OnDone() override { delete this; }
    };
    look_(*context);
    return new Declined(with_);
  }

  const grpc::Status with_;
  const Look look_;
  std::string address_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace holdfast::rpc
