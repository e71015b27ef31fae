// EXPECT_THAT(status, IsOk()); EXPECT_THAT(result, HasCode(absl::StatusCode::kNotFound));
// ASSERT_OK_AND_ASSIGN(const Account account, store.Find(id));
#pragma once

#include <gmock/gmock.h>

#include "absl/status/statusor.h"
#include "libs/base/status.h"

namespace holdfast::test {

inline absl::Status StatusOf(const absl::Status& status) { return status; }
template <class T>
absl::Status StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

MATCHER(IsOk, "is OK") {
  const absl::Status status = StatusOf(arg);
  if (!status.ok()) *result_listener << "which is " << ToString(status);
  return status.ok();
}

MATCHER_P(HasCode, code, "has code " + absl::StatusCodeToString(code)) {
  const absl::Status status = StatusOf(arg);
  *result_listener << "which is " << ToString(status);
  return status.code() == code;
}

MATCHER_P(HasMessage, message, "has a message that contains the text") {
  const absl::Status status = StatusOf(arg);
  *result_listener << "which is " << ToString(status);
  return View(status.message()).find(message) != std::string_view::npos;
}

}  // namespace holdfast::test

#define ASSERT_OK_AND_ASSIGN(declaration, expression) \
  ASSERT_OK_AND_ASSIGN_INNER(HOLDFAST_CONCAT(ok_result_, __LINE__), declaration, expression)
#define ASSERT_OK_AND_ASSIGN_INNER(result, declaration, expression) \
  auto result = (expression);                                       \
  ASSERT_TRUE(result.ok()) << ::holdfast::ToString(result.status());  \
  declaration = *std::move(result)
