#include "libs/base/status.h"

#include "absl/strings/cord.h"

namespace holdfast {

absl::Status Annotate(const absl::Status& status, std::string_view context) {
  if (status.ok()) return status;
  absl::Status annotated = MakeStatus(status.code(), "{}: {}", context, View(status.message()));
  status.ForEachPayload(
      [&](absl::string_view type, const absl::Cord& value) { annotated.SetPayload(type, value); });
  return annotated;
}

std::string ToString(const absl::Status& status) {
  if (status.ok()) return "OK";
  return fmt::format("{}: {}", absl::StatusCodeToString(status.code()), View(status.message()));
}

}  // namespace holdfast
