#include "libs/storage/pg_migrate.h"

#include "libs/base/status.h"
#include "libs/telemetry/log.h"

namespace holdfast::storage {
namespace {

constexpr std::string_view kLock = "SELECT pg_advisory_xact_lock(hashtextextended('migrate', 0))";

constexpr char kMakeTable[] = R"sql(
  CREATE TABLE IF NOT EXISTS schema_migration (
    name       text PRIMARY KEY,
    checksum   text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
  )
)sql";

constexpr std::string_view kTableExists = "SELECT to_regclass('schema_migration') IS NOT NULL";

// $1 name, $2 its SQL. One row: applied; whether by the same text.
constexpr std::string_view kFind = R"sql(
  SELECT checksum = encode(sha256($2::bytea), 'hex') FROM schema_migration WHERE name = $1
)sql";

constexpr std::string_view kRecord = R"sql(
  INSERT INTO schema_migration (name, checksum) VALUES ($1, encode(sha256($2::bytea), 'hex'))
)sql";

absl::Status ApplyOne(PgTransaction& tx, const Migration& migration) {
  HOLDFAST_RETURN_IF_ERROR(tx.Query(kLock).status());
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult exists, tx.Query(kTableExists));
  if (!exists.Bool(0, 0)) HOLDFAST_RETURN_IF_ERROR(tx.Execute(kMakeTable));

  const PgParam sql = PgParam::Bytes(migration.sql);
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult applied, tx.Query(kFind, migration.name, sql));
  if (applied.rows() == 1) {
    if (applied.Bool(0, 0)) return absl::OkStatus();
    return FailedPrecondition("migration {} was changed after it had been applied", migration.name);
  }
  telemetry::Log(telemetry::Info, "applying migration", {{"name", migration.name}});
  HOLDFAST_RETURN_IF_ERROR(tx.Execute(std::string(migration.sql)));
  return tx.Query(kRecord, migration.name, sql).status();
}

}  // namespace

absl::Status Migrate(PgPool& pool, std::span<const Migration> migrations, Deadline deadline) {
  for (const Migration& migration : migrations) {
    absl::Status status =
        pool.Transact(deadline, [&](PgTransaction& tx) { return ApplyOne(tx, migration); });
    if (!status.ok()) return Annotate(status, fmt::format("migration {}", migration.name));
  }
  return absl::OkStatus();
}

}  // namespace holdfast::storage
