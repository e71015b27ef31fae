// The store in PostgreSQL.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "libs/storage/pg_pool.h"
#include "services/epg/store.h"

namespace holdfast::epg {

class PgStore final : public Store {
 public:
  explicit PgStore(storage::PgPool& pool) : pool_(pool) {}

  absl::StatusOr<std::vector<Source>> ListSources(Deadline deadline) override;
  absl::StatusOr<Source> FindSource(Deadline deadline, std::string_view name) override;
  absl::Status PutSource(Deadline deadline, const Source& source) override;
  absl::Status NoteImportError(Deadline deadline, std::string_view source,
                               std::string_view error) override;
  absl::StatusOr<GuideChanges> ChangesSince(Deadline deadline, std::uint64_t revision) override;
  absl::StatusOr<int> TakeOver(Deadline deadline, const std::map<std::string, Schedule>& fresh,
                               const ImportOutcome& outcome) override;
  absl::StatusOr<int> RemoveBefore(Deadline deadline, std::string_view day) override;

 private:
  storage::PgPool& pool_;
};

}  // namespace holdfast::epg
