// Where instances share the logins that billing confirmed. PostgreSQL behind it
// (pg_store_app_logins.h); every call blocks up to its deadline.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/deadline.h"
#include "services/middleware/domain/app_login.h"

namespace holdfast::middleware {

// Thread-safe.
class AppLoginStore {
 public:
  struct Position {
    std::string life;  // revisions compare only within one
    std::uint64_t revision = 0;
  };

  virtual ~AppLoginStore() = default;

  virtual absl::StatusOr<Position> Where(Deadline deadline) = 0;
  // Rows that changed after `revision`, in the order of their revisions: about `limit` of them, and
  // never a part of one revision.
  virtual absl::StatusOr<std::vector<AppLogin>> Since(Deadline deadline, std::uint64_t revision,
                                                      int limit) = 0;
  // Rows that are newer than the login stay as they are, so writes may be repeated and come late.
  virtual absl::Status Save(Deadline deadline, const std::vector<AppLogin>& logins) = 0;
};

}  // namespace holdfast::middleware
