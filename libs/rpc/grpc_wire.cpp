#include "libs/rpc/grpc_wire.h"

#include <grpc/support/time.h>
#include <grpcpp/support/proto_buffer_reader.h>
#include <grpcpp/support/slice.h>

#include <algorithm>
#include <string>

#include "absl/strings/cord.h"
#include "google/rpc/status.pb.h"

namespace holdfast::rpc {

namespace {

constexpr std::size_t kMaxErrorText = 1024;  // all headers together may have 8 KiB
constexpr std::size_t kMaxErrorDetails = 2048;

std::string DetailsOf(const absl::Status& status, const std::string& text) {
  google::rpc::Status details;
  status.ForEachPayload([&](absl::string_view type, const absl::Cord& value) {
    google::protobuf::Any& added = *details.add_details();
    added.set_type_url(std::string(type));
    added.set_value(std::string(value));
  });
  if (details.details().empty()) return "";
  details.set_code(static_cast<int>(status.code()));
  details.set_message(text);
  std::string bytes = details.SerializeAsString();
  return bytes.size() > kMaxErrorDetails ? "" : bytes;
}

// What cannot be read is left out: the code and the message say what happened.
void TakeDetails(const std::string& bytes, absl::Status& status) {
  google::rpc::Status details;
  if (bytes.empty() || !details.ParseFromString(bytes)) return;
  for (const google::protobuf::Any& detail : details.details()) {
    status.SetPayload(detail.type_url(), absl::Cord(detail.value()));
  }
}

}  // namespace

grpc::ByteBuffer Encode(const google::protobuf::Message& message) {
  grpc::Slice slice(message.ByteSizeLong());
  message.SerializeWithCachedSizesToArray(const_cast<std::uint8_t*>(slice.begin()));
  return grpc::ByteBuffer(&slice, 1);
}

bool Decode(const grpc::ByteBuffer& bytes, google::protobuf::Message& message) {
  grpc::Slice slice;
  if (bytes.TrySingleSlice(&slice).ok()) {
    return message.ParseFromArray(slice.begin(), static_cast<int>(slice.size()));
  }
  grpc::ByteBuffer copy(bytes);  // shares the bytes; the reader wants something it may change
  if (!copy.Valid()) return message.ParseFromArray("", 0);
  grpc::ProtoBufferReader reader(&copy);
  return reader.status().ok() && message.ParseFromZeroCopyStream(&reader);
}

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  std::string text(status.message());
  if (text.size() > kMaxErrorText) text.resize(kMaxErrorText);
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), text, DetailsOf(status, text));
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  absl::Status ours(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  TakeDetails(status.error_details(), ours);
  return ours;
}

gpr_timespec GrpcDeadlineAfter(Duration wait) {
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                      gpr_time_from_nanos(wait.count(), GPR_TIMESPAN));
}

}  // namespace holdfast::rpc
