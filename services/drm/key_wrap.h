// AES-256 key wrap (RFC 3394): how epoch keys look outside of memory.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace holdfast::drm {

// `kek` is 32 bytes, `key` a multiple of 8 and at least 16. The result is 8 bytes longer.
std::string WrapKey(std::string_view kek, std::string_view key);

// DATA_LOSS if `wrapped` was not made with that KEK.
absl::StatusOr<std::string> UnwrapKey(std::string_view kek, std::string_view wrapped);

}  // namespace holdfast::drm
