// Errors are values: absl::Status and absl::StatusOr. Which code means what: docs/architecture.md.
//
//   return NotFound("device {} unknown", mac);
//   HOLDFAST_ASSIGN_OR_RETURN(const Account account, store.Find(id));
//   HOLDFAST_RETURN_IF_ERROR(store.Save(account));
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace holdfast {

template <class... Args>
absl::Status MakeStatus(absl::StatusCode code, fmt::format_string<Args...> format, Args&&... args) {
  return absl::Status(code, fmt::format(format, std::forward<Args>(args)...));
}

#define HOLDFAST_DEFINE_ERROR(Name, Code)                                                       \
  template <class... Args>                                                                      \
  absl::Status Name(fmt::format_string<Args...> format, Args&&... args) {                       \
    return MakeStatus(absl::StatusCode::Code, format, std::forward<Args>(args)...);             \
  }
HOLDFAST_DEFINE_ERROR(InvalidArgument, kInvalidArgument)
HOLDFAST_DEFINE_ERROR(NotFound, kNotFound)
HOLDFAST_DEFINE_ERROR(AlreadyExists, kAlreadyExists)
HOLDFAST_DEFINE_ERROR(PermissionDenied, kPermissionDenied)
HOLDFAST_DEFINE_ERROR(Unauthenticated, kUnauthenticated)
HOLDFAST_DEFINE_ERROR(FailedPrecondition, kFailedPrecondition)
HOLDFAST_DEFINE_ERROR(Aborted, kAborted)
HOLDFAST_DEFINE_ERROR(ResourceExhausted, kResourceExhausted)
HOLDFAST_DEFINE_ERROR(Unavailable, kUnavailable)
HOLDFAST_DEFINE_ERROR(DeadlineExceeded, kDeadlineExceeded)
HOLDFAST_DEFINE_ERROR(Unimplemented, kUnimplemented)
HOLDFAST_DEFINE_ERROR(DataLoss, kDataLoss)
HOLDFAST_DEFINE_ERROR(Internal, kInternal)
#undef HOLDFAST_DEFINE_ERROR

inline std::string_view View(absl::string_view s) { return {s.data(), s.size()}; }

// The same code with "context: " before the message. OK stays OK.
absl::Status Annotate(const absl::Status& status, std::string_view context);

// "UNAVAILABLE: connection refused", for logs.
std::string ToString(const absl::Status& status);

}  // namespace holdfast

#define HOLDFAST_CONCAT_INNER(a, b) a##b
#define HOLDFAST_CONCAT(a, b) HOLDFAST_CONCAT_INNER(a, b)

#define HOLDFAST_RETURN_IF_ERROR(expression)                     \
  do {                                                           \
    if (absl::Status holdfast_status = (expression); !holdfast_status.ok()) { \
      return holdfast_status;                                    \
    }                                                            \
  } while (false)

#define HOLDFAST_ASSIGN_OR_RETURN(declaration, expression) \
  HOLDFAST_ASSIGN_OR_RETURN_INNER(HOLDFAST_CONCAT(holdfast_result_, __LINE__), declaration, expression)

#define HOLDFAST_ASSIGN_OR_RETURN_INNER(result, declaration, expression) \
  auto result = (expression);                                            \
  if (!result.ok()) return result.status();                              \
  declaration = *std::move(result)
