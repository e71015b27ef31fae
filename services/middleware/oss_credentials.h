// Who may use the OSS API: names with secrets, from a file.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace holdfast::middleware {

// Immutable. Thread-safe.
class OssCredentials {
 public:
  OssCredentials() = default;  // opens nothing

  // One `name:secret` a line; empty lines and lines that begin with '#' are skipped. A secret has
  // at least 12 characters. NOT_FOUND, INVALID_ARGUMENT with the number of the line.
  static absl::StatusOr<OssCredentials> Load(const std::string& file);
  static absl::StatusOr<OssCredentials> Parse(std::string_view text);

  bool empty() const { return entries_.empty(); }

  // The name whose secret an Authorization header shows: "Basic <base64 of name:secret>" or
  // "Bearer <secret>". Takes the same time for every wrong secret of one length.
  std::optional<std::string> WhoIs(std::string_view authorization) const;

 private:
  struct Entry {
    std::string name;
    std::string secret;
  };
  std::vector<Entry> entries_;
};

}  // namespace holdfast::middleware
