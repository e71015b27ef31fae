#include "services/drm/pg_store.h"

#include "libs/base/status.h"

namespace holdfast::drm {
namespace {

using storage::PgParam;
using storage::PgResult;
using storage::PgTransaction;

constexpr std::string_view kLoadEpochs = R"sql(
  SELECT epoch_id, valid_from, kek_id, wrapped_key, coalesce(command_id, '')
    FROM key_epoch
   ORDER BY valid_from
)sql";

// $1 id, $2 beginning, $3 KEK, $4 wrapped key, $5 command or ''.
constexpr std::string_view kAddEpoch = R"sql(
  INSERT INTO key_epoch (epoch_id, valid_from, kek_id, wrapped_key, command_id)
  VALUES ($1, $2, $3, $4, nullif($5, ''))
)sql";

// $1 id, $2 former KEK, $3 new KEK, $4 wrapped key. No row: somebody was faster, which is as good.
constexpr std::string_view kRewrap = R"sql(
  UPDATE key_epoch
     SET kek_id = $3, wrapped_key = $4
   WHERE epoch_id = $1 AND kek_id = $2
)sql";

}  // namespace

absl::StatusOr<std::vector<StoredEpoch>> PgStore::LoadEpochs(Deadline deadline) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, pool_.Query(deadline, kLoadEpochs));
  std::vector<StoredEpoch> epochs;
  epochs.reserve(static_cast<std::size_t>(rows.rows()));
  for (int row = 0; row < rows.rows(); ++row) {
    epochs.push_back({.id = EpochId(rows.Int(row, 0)),
                      .valid_from = rows.Time(row, 1),
                      .kek_id = std::string(rows.Text(row, 2)),
                      .wrapped_key = rows.Bytes(row, 3),
                      .command_id = std::string(rows.Text(row, 4))});
  }
  return epochs;
}

absl::Status PgStore::AddEpochs(Deadline deadline, const std::vector<StoredEpoch>& epochs) {
  const absl::Status added = pool_.Transact(deadline, [&](PgTransaction& tx) -> absl::Status {
    for (const StoredEpoch& epoch : epochs) {
      const auto inserted = tx.Query(kAddEpoch, epoch.id.value(), epoch.valid_from, epoch.kek_id,
                                     PgParam::Bytes(epoch.wrapped_key), epoch.command_id);
      if (!inserted.ok()) return inserted.status();
    }
    return absl::OkStatus();
  });
  if (absl::IsAlreadyExists(added)) return Aborted("another instance made epochs at the same time");
  return added;
}

absl::Status PgStore::Rewrap(Deadline deadline, const StoredEpoch& epoch,
                             const std::string& former_kek_id) {
  return pool_
      .Query(deadline, kRewrap, epoch.id.value(), former_kek_id, epoch.kek_id,
             PgParam::Bytes(epoch.wrapped_key))
      .status();
}

}  // namespace holdfast::drm
