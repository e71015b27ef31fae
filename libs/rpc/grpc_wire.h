// Protobuf messages and absl::Status on gRPC's terms. For the .cpp files of libs/rpc that speak
// gRPC; no other header includes this one.
#pragma once

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/status.h>

#include "absl/status/status.h"
#include "google/protobuf/message.h"
#include "libs/base/clock.h"

namespace holdfast::rpc {

inline constexpr int kMaxMessageBytes = 64 << 20;  // both ways, both sides

// What travels beside a request and an answer. Each key costs every call (measured: two keys a
// fifth of the throughput), hence one for all that is ours, and none for what is usual.
inline constexpr char kTraceKey[] = "traceparent";  // W3C
inline constexpr char kContextKey[] = "hf-ctx";     // criticality as a digit; absent: as declared
inline constexpr char kOriginKey[] = "hf-origin";  // with an error: "h" the handler's, "d" declined
// With an error: leave this instance alone for so many milliseconds; negative: do not try again.
inline constexpr char kPushbackKey[] = "grpc-retry-pushback-ms";

grpc::ByteBuffer Encode(const google::protobuf::Message& message);
// False: these bytes are not such a message.
[[nodiscard]] bool Decode(const grpc::ByteBuffer& bytes, google::protobuf::Message& message);

// The message is cut to what fits in a header. Payloads travel as the details of the error
// (google.rpc.Status, "grpc-status-details-bin"), all or, when they are too large, none.
grpc::Status ToGrpc(const absl::Status& status);
absl::Status FromGrpc(const grpc::Status& status);

gpr_timespec GrpcDeadlineAfter(Duration wait);

}  // namespace holdfast::rpc
