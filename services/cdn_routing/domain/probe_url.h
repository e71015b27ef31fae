// Where an edge's health is asked.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace holdfast::cdn_routing {

struct ProbeUrl {
  std::string host;  // a name or a numeric address, IPv6 without brackets
  std::uint16_t port = 80;
  std::string path;         // "/health", with a query if there is one
  std::string host_header;  // as in the URL

  friend bool operator==(const ProbeUrl&, const ProbeUrl&) = default;
};

// "http://host[:port]/path". INVALID_ARGUMENT with the reason.
absl::StatusOr<ProbeUrl> ParseProbeUrl(std::string_view url);

}  // namespace holdfast::cdn_routing
