// HKDF-SHA256 (RFC 5869), by OpenSSL.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace holdfast::security {

struct HkdfInput {
  std::string_view key;
  std::string_view salt;
  std::string_view info;
};

std::string HkdfSha256(const HkdfInput& input, std::size_t length);

}  // namespace holdfast::security
