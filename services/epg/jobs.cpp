#include "services/epg/jobs.h"

#include <algorithm>
#include <utility>

#include "libs/base/status.h"
#include "services/epg/convert.h"

namespace holdfast::epg {
namespace {

constexpr std::string_view kEpoch = "epg";  // revisions come from the database: one epoch for all

}  // namespace

FollowDatabase::FollowDatabase(Store& store, Guide& guide, replica::Publication& publication,
                               Metrics& metrics)
    : store_(store), guide_(guide), publication_(publication), metrics_(metrics) {}

void FollowDatabase::PublishLoaded() {
  if (!guide_.loaded()) return;
  std::vector<std::pair<std::string, SharedBytes>> items;
  const Guide::Picture guide = guide_.Current();
  for (const auto& [key, day] : guide->items) {
    items.emplace_back(key, MakeShared(day->SerializeAsString()));
  }
  publication_.Apply(std::move(items), guide_.revision());
  Measure();
}

absl::Status FollowDatabase::Run(Deadline deadline) {
  const std::uint64_t known = guide_.revision();
  HOLDFAST_ASSIGN_OR_RETURN(const GuideChanges changes, store_.ChangesSince(deadline, known));
  // Restored from a backup: going back would show an older guide than the one on the screens. A
  // person decides (runbook in README.md).
  if (changes.revision < known) {
    return FailedPrecondition("the database is at guide revision {}, this instance at {}",
                              changes.revision, known);
  }

  replica::Update update{.kind = changes.pages.empty() ? replica::Update::Kind::kHeartbeat
                                 : known == 0          ? replica::Update::Kind::kFull
                                                       : replica::Update::Kind::kDelta,
                         .epoch = std::string(kEpoch),
                         .revision = changes.revision};
  for (const GuidePage& page : changes.pages) {
    const bool removed = page.programmes.empty();
    if (removed && known == 0) continue;  // a full update has nothing to delete
    update.items.emplace_back(
        GuideKey(page.channel, page.day),
        removed ? nullptr : MakeShared(ToProto(page).SerializeAsString()));
  }
  HOLDFAST_RETURN_IF_ERROR(guide_.Apply(update));
  if (changes.pages.empty()) return absl::OkStatus();
  publication_.Apply(std::move(update.items), changes.revision);
  Measure();
  return guide_.SaveToDisk();
}

void FollowDatabase::Measure() {
  const Guide::Picture guide = guide_.Current();
  std::int64_t ends = 0;
  for (const auto& [key, day] : guide->items) {
    if (day->programmes_size() > 0) {
      ends = std::max(ends, day->programmes(day->programmes_size() - 1).stop());
    }
  }
  metrics_.pages.Set(static_cast<double>(guide->items.size()));
  metrics_.revision.Set(static_cast<double>(guide_.revision()));
  metrics_.guide_ends.Set(static_cast<double>(ends));
}

absl::Status ImportSources::Run(Deadline deadline) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Source> sources, store_.ListSources(deadline));
  absl::Status first_error;
  for (const Source& source : sources) {
    if (source.disabled) continue;
    const absl::Status status = importer_.Import(deadline, source.name, ImportMode::kNormal).status();
    first_error.Update(status);
  }
  return first_error;
}

absl::Status RemoveOldDays::Run(Deadline deadline) {
  const std::string day = DayOf(EpochSeconds(clock_.Now() - history_) - 24 * 3600);
  return store_.RemoveBefore(deadline, day).status();
}

}  // namespace holdfast::epg
