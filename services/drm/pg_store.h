// The store in PostgreSQL. Tables: sql/. No call is made from a key request.
#pragma once

#include "libs/storage/pg_pool.h"
#include "services/drm/store.h"

namespace holdfast::drm {

// Thread-safe. `pool` must outlive it.
class PgStore final : public Store {
 public:
  explicit PgStore(storage::PgPool& pool) : pool_(pool) {}

  absl::StatusOr<std::vector<StoredEpoch>> LoadEpochs(Deadline deadline) override;
  absl::Status AddEpochs(Deadline deadline, const std::vector<StoredEpoch>& epochs) override;
  absl::Status Rewrap(Deadline deadline, const StoredEpoch& epoch,
                      const std::string& former_kek_id) override;

 private:
  storage::PgPool& pool_;
};

}  // namespace holdfast::drm
