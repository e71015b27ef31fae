#include "services/drm/epoch_maker.h"

#include <algorithm>
#include <array>

#include "libs/base/random.h"
#include "libs/base/status.h"
#include "libs/telemetry/log.h"

namespace holdfast::drm {
namespace {

// From the time of making and chance, so that epochs made after a database was lost never take the
// id of one that an instance still holds.
EpochId NewEpochId(WallTime now) {
  constexpr int kRandomBits = 20;
  return EpochId(EpochMillis(now) << kRandomBits |
                 static_cast<std::int64_t>(SecureSeed() >> (64 - kRandomBits)));
}

std::string NewEpochKey() {
  std::array<std::uint8_t, 32> bytes;
  SecureBytes(bytes);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

EpochMaker::EpochMaker(Store& store, EpochKeeper& keeper, const EpochPolicy& policy,
                       const Periods& periods, const Clock& clock, Metrics& metrics)
    : store_(store),
      keeper_(keeper),
      policy_(policy),
      periods_(periods),
      clock_(clock),
      metrics_(metrics) {}

absl::StatusOr<std::vector<StoredEpoch>> EpochMaker::Read(Deadline deadline) {
  HOLDFAST_ASSIGN_OR_RETURN(std::vector<StoredEpoch> rows, store_.LoadEpochs(deadline));
  HOLDFAST_RETURN_IF_ERROR(keeper_.Take(rows));
  return rows;
}

absl::Status EpochMaker::Refresh(Deadline deadline) {
  const absl::Status read = Read(deadline).status();
  // Also when the database is away: that is when the number sinks.
  metrics_.epochs_ahead.Set(keeper_.ring()->BeginningAfter(clock_.Now()));
  return read;
}

absl::Status EpochMaker::Maintain(Deadline deadline) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<StoredEpoch> rows, Read(deadline));
  for (const StoredEpoch& lost : keeper_.MissingFrom(rows)) {
    HOLDFAST_RETURN_IF_ERROR(Annotate(store_.AddEpochs(deadline, {lost}), "giving an epoch back"));
    metrics_.epochs_given_back.Add();
    Log(telemetry::Warning, "the database had lost a key epoch; it has it back",
        {{"epoch", lost.id.value()}});
  }
  for (const StoredEpoch& row : rows) {
    const std::optional<StoredEpoch> rewrapped = keeper_.WithNewestKek(row);
    if (!rewrapped) continue;
    HOLDFAST_RETURN_IF_ERROR(store_.Rewrap(deadline, *rewrapped, row.kek_id));
  }

  std::vector<StoredEpoch> wanted;
  for (const WallTime valid_from : PlanEpochs(*keeper_.ring(), policy_, periods_, clock_.Now())) {
    wanted.push_back(NewEpoch(valid_from));
  }
  if (!wanted.empty()) {
    HOLDFAST_RETURN_IF_ERROR(store_.AddEpochs(deadline, wanted));
    Log(telemetry::Info, "key epochs made", {{"count", wanted.size()}});
  }
  return Refresh(deadline);
}

absl::StatusOr<EpochId> EpochMaker::Rotate(Deadline deadline, const std::string& command_id) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<StoredEpoch> rows, Read(deadline));
  const auto made = std::ranges::find(rows, command_id, &StoredEpoch::command_id);
  if (made != rows.end()) return made->id;

  StoredEpoch epoch = NewEpoch(PlanRotation(*keeper_.ring(), policy_, periods_, clock_.Now()));
  epoch.command_id = command_id;
  HOLDFAST_RETURN_IF_ERROR(store_.AddEpochs(deadline, {epoch}));
  HOLDFAST_RETURN_IF_ERROR(Refresh(deadline));
  Log(telemetry::Info, "key epoch made by command", {{"epoch", epoch.id.value()}});
  return epoch.id;
}

StoredEpoch EpochMaker::NewEpoch(WallTime valid_from) const {
  return keeper_.Wrap({NewEpochId(clock_.Now()), valid_from, NewEpochKey()});
}

}  // namespace holdfast::drm
