// One call to one address, by descriptor: JSON in, JSON out.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "google/protobuf/descriptor.h"

namespace holdfast::tools {

struct CallTarget {
  std::string address;  // "127.0.0.1:50051"
  std::string tls_dir;  // empty: plain text
  std::string as;       // whose certificate in tls_dir is shown
  std::chrono::milliseconds timeout = std::chrono::seconds(10);
};

// Gives each answer as JSON (one for a plain method, one line each for a stream) to `answer`, in
// this thread; blocks until the call ended. INVALID_ARGUMENT names what is wrong with the JSON;
// otherwise the status of the server. A stream that lasts longer than the timeout ends well.
absl::Status CallMethod(const CallTarget& target, const google::protobuf::MethodDescriptor& method,
                        const std::string& json,
                        const std::function<void(const std::string&)>& answer);

}  // namespace holdfast::tools
