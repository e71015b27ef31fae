// One instance as a line of JSON: the value of an etcd registration and a line of the file of last
// good sets. Whoever can write to etcd writes this, so reading trusts nothing.
//
//   {"address":"10.0.0.7:50051","zone":"a","version":"1.4.2","weight":100,"state":"draining"}
//
// And lists of them by service, for people who write files (docs/discovery.md):
//
//   {"epg": [{"id":"epg-a", "address":"10.0.0.7:50051", "zone":"a"}, {"address":"10.0.0.8:50051"}]}
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "libs/base/string_map.h"
#include "libs/discovery/directory.h"

namespace holdfast::discovery {

std::string ToText(const Instance& instance);  // without the id

// INVALID_ARGUMENT with the reason: not JSON, no usable address, weight outside 1..1000, too long.
// Absent zone, version, weight and state take their defaults; unknown members are ignored.
absl::StatusOr<Instance> ParseInstance(std::string_view id, std::string_view text);

// All or nothing: INVALID_ARGUMENT says where the first mistake is. An absent id is the address.
absl::StatusOr<StringMap<InstanceSet>> ParseInstanceLists(std::string_view text);

// Host and port (1..65535), "[v6]:port" included.
bool IsAddress(std::string_view address);

// 1..128 printable characters without '/' and spaces.
bool IsId(std::string_view id);

// 0..128 printable characters without spaces: a zone or a version.
bool IsWord(std::string_view word);

bool IsWeight(long weight);  // 1..1000

// Lower-case letters, digits, '_' and '-': fit for a file name and a key.
bool IsServiceName(std::string_view service);

}  // namespace holdfast::discovery
