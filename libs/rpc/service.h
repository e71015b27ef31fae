// The methods a service offers, as plain functions:
//
//   void Service::Register(rpc::ServiceTable& table) {
//     table.Inline("GetEntitlement", *this, &Service::GetEntitlement);
//     table.Worker("CreateAccount", *this, &Service::CreateAccount);
//   }
//   absl::StatusOr<v1::Entitlement> Service::GetEntitlement(const rpc::Call&,
//                                                           const v1::GetEntitlementRequest&);
//
// Inline: memory only, runs on the thread that received the request. Worker: may block until the
// call's deadline, runs on the bounded pool. How critical a method is when its caller does not say
// stands in its proto, for both sides to read; without a word there it is interactive:
//
//     option (holdfast.options.v1.criticality) = CRITICALITY_BULK;
//
// Names and message types are checked against the proto descriptor at start; a method of the proto
// without a handler stops the start. The object behind the handlers must outlive the Server. Calls
// that waited past their deadline, or whose caller is known to have left, never reach a handler.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "google/protobuf/message.h"
#include "libs/rpc/call.h"

namespace holdfast::rpc {

enum class Execution { kInline, kWorker };

// One message after the other to a client that watches. Thread-safe.
class StreamWriter {
 public:
  virtual ~StreamWriter() = default;
  // Waits until the client has taken enough of what was sent before. False: the client is gone or
  // the server drains; stop writing.
  virtual bool Write(const google::protobuf::Message& message) = 0;
  virtual bool cancelled() const = 0;
};

class ServiceTable {
 public:
  // `full_name` as in the proto: "holdfast.billing.v1.Billing".
  explicit ServiceTable(std::string full_name) : full_name_(std::move(full_name)) {}

  template <class S, class Request, class Response>
  void Inline(std::string_view method, S& self,
              absl::StatusOr<Response> (S::*handler)(const Call&, const Request&)) {
    AddUnary(method, Execution::kInline, self, handler);
  }

  template <class S, class Request, class Response>
  void Worker(std::string_view method, S& self,
              absl::StatusOr<Response> (S::*handler)(const Call&, const Request&)) {
    AddUnary(method, Execution::kWorker, self, handler);
  }

  // Runs on a thread of its own for as long as it streams; the number of streams is bounded by the
  // server. Responses are written to the StreamWriter.
  template <class S, class Request>
  void Stream(std::string_view method, S& self,
              absl::Status (S::*handler)(const Call&, const Request&, StreamWriter&)) {
    Method m;
    m.name = std::string(method);
    m.new_request = [] { return std::make_unique<Request>(); };
    m.stream = [&self, handler](const Call& call, const google::protobuf::Message& request,
                                StreamWriter& writer) {
      return (self.*handler)(call, static_cast<const Request&>(request), writer);
    };
    methods_.push_back(std::move(m));
  }

  using UnaryFunction = std::function<absl::Status(
      const Call&, const google::protobuf::Message& request, google::protobuf::Message& response)>;
  using StreamFunction =
      std::function<absl::Status(const Call&, const google::protobuf::Message&, StreamWriter&)>;

  struct Method {
    std::string name;
    Execution execution = Execution::kWorker;
    std::function<std::unique_ptr<google::protobuf::Message>()> new_request;
    std::function<std::unique_ptr<google::protobuf::Message>()> new_response;
    UnaryFunction unary;  // one of these two is set
    StreamFunction stream;
  };

  const std::string& full_name() const { return full_name_; }
  const std::vector<Method>& methods() const { return methods_; }

 private:
  template <class S, class Request, class Response>
  void AddUnary(std::string_view method, Execution execution, S& self,
                absl::StatusOr<Response> (S::*handler)(const Call&, const Request&)) {
    Method m;
    m.name = std::string(method);
    m.execution = execution;
    m.new_request = [] { return std::make_unique<Request>(); };
    m.new_response = [] { return std::make_unique<Response>(); };
    m.unary = [&self, handler](const Call& call, const google::protobuf::Message& request,
                               google::protobuf::Message& response) -> absl::Status {
      absl::StatusOr<Response> result = (self.*handler)(call, static_cast<const Request&>(request));
      if (!result.ok()) return result.status();
      static_cast<Response&>(response) = *std::move(result);
      return absl::OkStatus();
    };
    methods_.push_back(std::move(m));
  }

  std::string full_name_;
  std::vector<Method> methods_;
};

}  // namespace holdfast::rpc
