// Who may use the operators' REST API: a file of the installation, one line for each.
//
//   # name   role     token (32 characters or more)
//   ada      editor   4f1c...
//   helpdesk support  99ab...
//
// Roles: viewer reads; support also changes devices and sends messages; editor does everything.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "libs/base/string_map.h"

namespace holdfast::middleware {

enum class Role { kViewer, kSupport, kEditor };  // each may do what those before may

struct Operator {
  std::string name;
  Role role = Role::kViewer;
};

// Thread-safe.
class Operators {
 public:
  explicit Operators(std::string file) : file_(std::move(file)) {}

  // INVALID_ARGUMENT names the line; what was known before stays. An empty file name: nobody.
  absl::Status Load();
  absl::Status Read(std::string_view text);

  std::optional<Operator> Find(std::string_view token) const;

 private:
  const std::string file_;
  mutable absl::Mutex mutex_;
  StringMap<Operator> by_tag_ ABSL_GUARDED_BY(mutex_);  // keyed hash of the token
};

}  // namespace holdfast::middleware
