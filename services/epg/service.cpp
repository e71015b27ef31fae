#include "services/epg/service.h"

#include <algorithm>

#include "libs/base/status.h"
#include "services/epg/convert.h"

namespace holdfast::epg {
namespace {

constexpr std::int64_t kDay = 24 * 3600;
constexpr std::int64_t kLongestAnswer = 31 * kDay;
constexpr int kMostChannels = 1000;

// Programmes of a channel that run in [from, to), as they lie in memory. A programme may have begun
// on the day before.
template <class Take>
void ForEachBetween(const Guide::Picture& guide, std::string_view channel, std::int64_t from,
                    std::int64_t to, Take&& take) {
  for (std::int64_t day = from - kDay; day < to + kDay; day += kDay) {
    const auto* page = Find(guide->items, GuideKey(channel, DayOf(day)));
    if (page == nullptr) continue;
    for (const v1::Programme& programme : (*page)->programmes()) {
      if (programme.stop() <= from) continue;
      if (programme.start() >= to) return;
      if (!take(programme)) return;
    }
  }
}

}  // namespace

Service::Service(const Guide& guide, Store& store, Importer& importer, const Clock& clock)
    : guide_(guide), store_(store), importer_(importer), clock_(clock) {}

void Service::Register(rpc::ServiceTable& table) {
  table.Inline("GetSchedule", *this, &Service::GetSchedule);
  table.Inline("GetNowNext", *this, &Service::GetNowNext);
  table.Worker("PutSource", *this, &Service::PutSource);
  table.Worker("ListSources", *this, &Service::ListSources);
  table.Worker("ImportSource", *this, &Service::ImportSource);
}

absl::StatusOr<v1::GetScheduleResponse> Service::GetSchedule(
    const rpc::Call&, const v1::GetScheduleRequest& request) {
  if (request.epg_channel_id().empty()) return InvalidArgument("epg_channel_id is empty");
  if (request.to() <= request.from() || request.to() - request.from() > kLongestAnswer) {
    return InvalidArgument("from {} to {}: must ascend and span at most 31 days", request.from(),
                           request.to());
  }
  v1::GetScheduleResponse response;
  response.set_guide_revision(guide_.revision());
  ForEachBetween(guide_.Current(), request.epg_channel_id(), request.from(), request.to(),
                 [&](const v1::Programme& programme) {
                   *response.add_programmes() = programme;
                   return true;
                 });
  return response;
}

absl::StatusOr<v1::GetNowNextResponse> Service::GetNowNext(const rpc::Call&,
                                                           const v1::GetNowNextRequest& request) {
  if (request.epg_channel_ids_size() > kMostChannels) {
    return InvalidArgument("epg_channel_ids: {} channels, at most {}",
                           request.epg_channel_ids_size(), kMostChannels);
  }
  const int count = request.count() <= 0 ? 2 : std::min(request.count(), 50);
  const std::int64_t now = EpochSeconds(clock_.Now());
  const Guide::Picture guide = guide_.Current();
  v1::GetNowNextResponse response;
  for (const std::string& id : request.epg_channel_ids()) {
    v1::GetNowNextResponse::Channel& channel = *response.add_channels();
    channel.set_epg_channel_id(id);
    ForEachBetween(guide, id, now, now + 2 * kDay, [&](const v1::Programme& programme) {
      *channel.add_programmes() = programme;
      return channel.programmes_size() < count;
    });
  }
  return response;
}

absl::StatusOr<v1::Source> Service::PutSource(const rpc::Call& call, const v1::Source& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const Source source, FromProto(request));
  HOLDFAST_RETURN_IF_ERROR(store_.PutSource(call.deadline(), source));
  HOLDFAST_ASSIGN_OR_RETURN(const Source stored, store_.FindSource(call.deadline(), source.name));
  return ToProto(stored);
}

absl::StatusOr<v1::ListSourcesResponse> Service::ListSources(const rpc::Call& call,
                                                             const v1::ListSourcesRequest&) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Source> sources, store_.ListSources(call.deadline()));
  v1::ListSourcesResponse response;
  for (const Source& source : sources) *response.add_sources() = ToProto(source);
  return response;
}

absl::StatusOr<v1::ImportReport> Service::ImportSource(const rpc::Call& call,
                                                       const v1::ImportSourceRequest& request) {
  if (request.force() && request.dry_run()) {
    return InvalidArgument("force and dry_run exclude each other");
  }
  const ImportMode mode = request.dry_run() ? ImportMode::kDryRun
                          : request.force() ? ImportMode::kForce
                                            : ImportMode::kNormal;
  HOLDFAST_ASSIGN_OR_RETURN(const ImportReport report,
                            importer_.Import(call.deadline(), request.name(), mode));
  v1::ImportReport response = ToProto(report);
  response.set_guide_revision(guide_.revision());
  return response;
}

}  // namespace holdfast::epg
