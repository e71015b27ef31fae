#include "libs/base/status.h"

namespace holdfast {

absl::Status Annotate(const absl::Status& status, std::string_view context) {
  if (status.ok()) return status;
  return MakeStatus(status.code(), "{}: {}", context, View(status.message()));
}

std::string ToString(const absl::Status& status) {
  if (status.ok()) return "OK";
  return fmt::format("{}: {}", absl::StatusCodeToString(status.code()), View(status.message()));
}

}  // namespace holdfast
