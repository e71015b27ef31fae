#include "deploy/tools/generic_call.h"

#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/util/json_util.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_split.h"
#include "libs/base/status.h"
#include "libs/security/tls.h"

namespace holdfast::tools {
namespace {

using google::protobuf::Message;
using google::protobuf::MethodDescriptor;

constexpr int kMaxMessageBytes = 64 << 20;

std::unique_ptr<Message> NewMessage(const google::protobuf::Descriptor* type) {
  return std::unique_ptr<Message>(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
}

// "billing" of "holdfast.billing.v1.Billing".
std::string ServiceOf(const MethodDescriptor& method) {
  const std::vector<std::string> parts = absl::StrSplit(method.service()->full_name(), '.');
  return parts.size() > 1 ? parts[1] : parts[0];
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> Open(const CallTarget& target,
                                                    const MethodDescriptor& method) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::InsecureChannelCredentials();
  if (!target.tls_dir.empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(
        const security::PemMaterial pem,
        security::ReadTlsFiles(security::TlsFilesIn(target.tls_dir, target.as)));
    credentials = grpc::SslCredentials(
        {.pem_root_certs = pem.ca, .pem_private_key = pem.key, .pem_cert_chain = pem.certificate});
    arguments.SetSslTargetNameOverride(security::TlsNameOf(ServiceOf(method)));
  }
  return grpc::CreateCustomChannel(target.address, credentials, arguments);
}

grpc::ByteBuffer Encode(const Message& message) {
  const grpc::Slice slice(message.SerializeAsString());
  return grpc::ByteBuffer(&slice, 1);
}

absl::StatusOr<std::string> ToJson(const MethodDescriptor& method, const grpc::ByteBuffer& bytes) {
  std::vector<grpc::Slice> slices;
  std::string flat;
  if (!bytes.Dump(&slices).ok()) return DataLoss("the answer cannot be read");
  for (const grpc::Slice& slice : slices) {
    flat.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  const std::unique_ptr<Message> message = NewMessage(method.output_type());
  if (!message->ParseFromString(flat)) return DataLoss("the answer is not what the proto says");

  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = !method.server_streaming();
  options.always_print_primitive_fields = !method.server_streaming();
  options.preserve_proto_field_names = true;
  std::string json;
  const auto printed = google::protobuf::util::MessageToJsonString(*message, &json, options);
  if (!printed.ok()) return DataLoss("the answer cannot be printed: {}", printed.ToString());
  if (json.ends_with('\n')) json.pop_back();
  return json;
}

// Waits for the one operation under way. False: it failed, the call is over.
bool Done(grpc::CompletionQueue& queue) {
  void* tag = nullptr;
  bool ok = false;
  return queue.Next(&tag, &ok) && ok;
}

}  // namespace

absl::Status CallMethod(const CallTarget& target, const MethodDescriptor& method,
                        const std::string& json,
                        const std::function<void(const std::string&)>& answer) {
  const std::unique_ptr<Message> request = NewMessage(method.input_type());
  const auto parsed = google::protobuf::util::JsonStringToMessage(json, request.get());
  if (!parsed.ok()) return InvalidArgument("the request: {}", parsed.message().ToString());
  HOLDFAST_ASSIGN_OR_RETURN(const std::shared_ptr<grpc::Channel> channel, Open(target, method));

  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + target.timeout);
  grpc::CompletionQueue queue;
  grpc::GenericStub stub(channel);
  const auto call =
      stub.PrepareCall(&context, "/" + method.service()->full_name() + "/" + method.name(), &queue);
  absl::Status printed;
  grpc::ByteBuffer bytes;
  call->StartCall(nullptr);
  bool open = Done(queue);
  if (open) {
    call->WriteLast(Encode(*request), {}, nullptr);
    open = Done(queue);
  }
  while (open && printed.ok()) {
    call->Read(&bytes, nullptr);
    open = Done(queue);
    if (!open) break;
    const absl::StatusOr<std::string> line = ToJson(method, bytes);
    printed = line.status();
    if (line.ok()) answer(*line);
  }
  if (!printed.ok()) context.TryCancel();

  grpc::Status status;
  call->Finish(&status, nullptr);
  Done(queue);
  if (!printed.ok()) return printed;
  if (method.server_streaming() && status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    return absl::OkStatus();
  }
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

}  // namespace holdfast::tools
