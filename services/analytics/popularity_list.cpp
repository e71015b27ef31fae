#include "services/analytics/popularity_list.h"

#include <algorithm>
#include <utility>

#include "libs/base/status.h"
#include "services/analytics/convert.h"

namespace holdfast::analytics {
namespace {

constexpr std::string_view kModel = "popularity";

}  // namespace

PopularityList::PopularityList(const std::string& file, const Clock& clock,
                               telemetry::Metrics& metrics)
    : publication_({.name = std::string(kModel)}),
      kept_({.name = std::string(kModel), .file = file, .refuse_shrink_below = 0}, clock, metrics),
      ranking_(std::make_shared<const std::vector<RankedChannel>>()) {}

void PopularityList::Load() {
  kept_.LoadFromDisk().IgnoreError();  // no copy yet: the first Renew makes one
  if (kept_.loaded()) TakeOver();
}

absl::Status PopularityList::Renew(const std::vector<RankedChannel>& ranking) {
  // A database that lost its sums must not empty the screens; the list grows old instead.
  const Ranking present = Current();
  if (ranking.empty() && !present->empty()) return absl::OkStatus();

  replica::Update update{.kind = replica::Update::Kind::kHeartbeat,
                         .epoch = kept_.epoch(),
                         .revision = kept_.revision()};
  if (!kept_.loaded() || ranking != *present) {
    update.kind = replica::Update::Kind::kFull;
    ++update.revision;
    for (const RankedChannel& channel : ranking) {
      update.items.emplace_back(channel.channel.value(),
                                MakeShared(ToProto(channel).SerializeAsString()));
    }
  }
  HOLDFAST_RETURN_IF_ERROR(kept_.Apply(update));
  if (update.kind == replica::Update::Kind::kHeartbeat) return absl::OkStatus();
  TakeOver();
  return kept_.SaveToDisk();
}

void PopularityList::TakeOver() {
  auto ranking = std::make_shared<std::vector<RankedChannel>>();
  OrderedStringMap<SharedBytes> items;
  const auto picture = kept_.Current();
  for (const auto& [channel, popularity] : picture->items) {
    ranking->push_back(FromProto(*popularity));
    items[channel] = MakeShared(popularity->SerializeAsString());
  }
  std::sort(ranking->begin(), ranking->end(), MorePopular);
  publication_.ReplaceAll(std::move(items));
  absl::MutexLock lock(&mutex_);
  ranking_ = std::move(ranking);
}

PopularityList::Ranking PopularityList::Current() const {
  absl::MutexLock lock(&mutex_);
  return ranking_;
}

}  // namespace holdfast::analytics
