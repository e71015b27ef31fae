// The store in PostgreSQL.
#pragma once

#include <vector>

#include "libs/storage/pg_pool.h"
#include "services/analytics/store.h"

namespace holdfast::analytics {

class PgStore final : public Store {
 public:
  explicit PgStore(storage::PgPool& pool) : pool_(pool) {}

  absl::StatusOr<int> Record(Deadline deadline, const std::vector<PlaybackEvent>& events) override;
  absl::StatusOr<std::vector<HourPlays>> PlaysSince(Deadline deadline, WallTime since) override;
  absl::StatusOr<std::vector<CountsRow>> CountByChannel(Deadline deadline,
                                                        const ReportRange& range) override;
  absl::StatusOr<std::vector<CountsRow>> CountByEdge(Deadline deadline,
                                                     const ReportRange& range) override;
  absl::StatusOr<std::vector<ErrorCount>> CountErrors(Deadline deadline,
                                                      const ReportRange& range) override;
  absl::Status RemoveBefore(Deadline deadline, WallTime ids, WallTime sums) override;

 private:
  storage::PgPool& pool_;
};

}  // namespace holdfast::analytics
