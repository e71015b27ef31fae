// One instance as a line of JSON: the value of an etcd registration and a line of the file of last
// good sets. Whoever can write to etcd writes this, so reading trusts nothing.
//
//   {"address":"10.0.0.7:50051","zone":"a","version":"1.4.2","weight":100}
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "libs/discovery/directory.h"

namespace holdfast::discovery {

std::string ToText(const Instance& instance);  // without the id

// INVALID_ARGUMENT with the reason: not JSON, no usable address, weight outside 1..1000, too long.
// Absent zone, version and weight take their defaults; unknown members are ignored.
absl::StatusOr<Instance> ParseInstance(std::string_view id, std::string_view text);

// Host and port (1..65535), "[v6]:port" included.
bool IsAddress(std::string_view address);

// 1..128 printable characters without '/' and spaces.
bool IsId(std::string_view id);

// Lower-case letters, digits, '_' and '-': fit for a file name and a key.
bool IsServiceName(std::string_view service);

}  // namespace holdfast::discovery
