// What operators and their scripts changed: appended, read, never changed. Table:
// sql/0011_audit.sql.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/deadline.h"
#include "libs/storage/pg_pool.h"

namespace holdfast::middleware {

struct AuditEntry {
  std::int64_t position = 0;  // when reading
  std::int64_t at = 0;        // epoch seconds; when reading
  std::string actor;
  std::string source;   // "oss", "grpc"
  std::string action;   // "update accounts"
  std::string subject;  // the ids that were named
  std::string detail;   // names of the fields that were sent; never their values
  std::string outcome;  // "ok", or the error
};

// Thread-safe. Blocks. `pool` must outlive it.
class AuditLog {
 public:
  explicit AuditLog(storage::PgPool& pool) : pool_(pool) {}

  absl::Status Append(Deadline deadline, const AuditEntry& entry);
  // In their order, from behind `after` on.
  absl::StatusOr<std::vector<AuditEntry>> List(Deadline deadline, std::int64_t after, int limit);

 private:
  storage::PgPool& pool_;
};

}  // namespace holdfast::middleware
