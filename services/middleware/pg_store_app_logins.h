// App logins in PostgreSQL (sql/0010_app_logins.sql).
#pragma once

#include "libs/storage/pg_pool.h"
#include "services/middleware/app_login_store.h"

namespace holdfast::middleware {

// Thread-safe. `pool` must outlive it.
class PgAppLoginStore final : public AppLoginStore {
 public:
  explicit PgAppLoginStore(storage::PgPool& pool) : pool_(pool) {}

  absl::StatusOr<Position> Where(Deadline deadline) override;
  absl::StatusOr<std::vector<AppLogin>> Since(Deadline deadline, std::uint64_t revision,
                                              int limit) override;
  absl::Status Save(Deadline deadline, const std::vector<AppLogin>& logins) override;

 private:
  storage::PgPool& pool_;
};

}  // namespace holdfast::middleware
