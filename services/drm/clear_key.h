// ClearKey licences: JSON of W3C Encrypted Media Extensions, 9.1.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace holdfast::drm {

// The key ids (16 bytes each, at most 32) of a licence request. INVALID_ARGUMENT says what is
// wrong.
absl::StatusOr<std::vector<std::string>> ParseClearKeyRequest(std::string_view json);

// Key id and key, 16 bytes each.
using ClearKeys = std::vector<std::pair<std::string, std::string>>;
std::string ClearKeyLicense(const ClearKeys& keys);

}  // namespace holdfast::drm
