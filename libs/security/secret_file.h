// Small files that hold secrets or certificates. Blocking; for start-up and reloads.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace holdfast::security {

// The content, at most 1 MiB. NOT_FOUND names the path; the content is never in a message.
absl::StatusOr<std::string> ReadSecretFile(const std::string& path);

// The content without white space at both ends: one secret per file, as editors leave it.
absl::StatusOr<std::string> ReadTrimmedSecret(const std::string& path);

enum class FileAccess { kOwnerOnly, kEveryoneReads };  // modes 0600 and 0644

// Makes the file with that mode, whole or not at all: written beside its place, flushed, renamed.
absl::Status WriteSecretFile(const std::string& path, std::string_view content, FileAccess access);

}  // namespace holdfast::security
