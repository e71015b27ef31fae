// The audit log and operators' idempotency keys in PostgreSQL (sql/0013_operators.sql).
#pragma once

#include "libs/storage/pg_pool.h"
#include "services/middleware/audit_store.h"

namespace holdfast::middleware {

// Thread-safe. `pool` must outlive it.
class PgAuditStore final : public AuditStore {
 public:
  explicit PgAuditStore(storage::PgPool& pool) : pool_(pool) {}

  absl::StatusOr<std::int64_t> Begin(Deadline deadline, const ChangeRecord& entry) override;
  absl::Status End(Deadline deadline, std::int64_t id, const std::string& outcome) override;
  absl::StatusOr<std::vector<ChangeRecord>> List(Deadline deadline,
                                                 const AuditQuery& query) override;
  absl::StatusOr<KeyedAnswer> TakeKey(Deadline deadline, const KeyedRequest& request,
                                      std::int64_t now_ms, std::int64_t stale_before_ms,
                                      std::int64_t forget_before_ms) override;
  absl::Status KeepAnswer(Deadline deadline, const KeyedRequest& request, int status,
                          const std::string& body) override;
  absl::Status ReleaseKey(Deadline deadline, const KeyedRequest& request) override;

 private:
  storage::PgPool& pool_;
};

}  // namespace holdfast::middleware
