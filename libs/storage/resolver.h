// Names to addresses without ever outliving a deadline. The system's resolver blocks for as long
// as it likes, so each question runs on a thread of its own that may be left behind; one question
// per name is under way at a time. The last good answer is kept for when DNS is away.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/deadline.h"

namespace holdfast::storage {

// Numeric addresses of `host` (itself, if it is one). UNAVAILABLE when the name is unknown or
// nothing came in time and no earlier answer is known. Thread-safe.
absl::StatusOr<std::vector<std::string>> ResolveHost(const std::string& host, Deadline deadline);

struct HostPort {
  std::string host;
  std::string port;
};

// "a:1,b,[::1]:2,/run/pg" -> parts, with `default_port` where none is given. Empty parts are left
// out.
std::vector<HostPort> ParseHosts(std::string_view hosts, std::string_view default_port);

}  // namespace holdfast::storage
