// The inventory in PostgreSQL; see store.h and sql/.
#pragma once

#include <span>

#include "libs/storage/pg_migrate.h"
#include "libs/storage/pg_pool.h"
#include "services/cdn_routing/store.h"

namespace holdfast::cdn_routing {

// The files of sql/, in order.
std::span<const storage::Migration> Migrations();

// Borrows the pool, which must outlive it.
class PgStore final : public Store {
 public:
  explicit PgStore(storage::PgPool& pool) : pool_(pool) {}

  absl::Status PutCdn(Deadline deadline, const Cdn& cdn) override;
  absl::Status PutSite(Deadline deadline, const Site& site) override;
  absl::Status PutEdge(Deadline deadline, const Edge& edge, const CdnId& expected_cdn) override;
  absl::Status SetDraining(Deadline deadline, const EdgeId& edge, bool draining) override;
  absl::StatusOr<bool> RemoveEdge(Deadline deadline, const EdgeId& edge) override;
  absl::StatusOr<std::uint64_t> Revision(Deadline deadline) override;
  absl::StatusOr<Inventory> Load(Deadline deadline) override;

 private:
  storage::PgPool& pool_;
};

}  // namespace holdfast::cdn_routing
