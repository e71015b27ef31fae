// What operators do with the lineup: channels, groups, whole lists.
#include <utility>

#include "libs/base/status.h"
#include "services/middleware/convert.h"
#include "services/middleware/domain/lineup_changes.h"
#include "services/middleware/domain/lineup_csv.h"
#include "services/middleware/domain/lineup_import.h"
#include "services/middleware/service.h"

namespace holdfast::middleware {
namespace {

constexpr std::size_t kMostChanges = 10'000;

v1::LineupChange::Kind KindOf(LineupChange::Kind kind) {
  switch (kind) {
    case LineupChange::Kind::kAdded:
      return v1::LineupChange::KIND_ADDED;
    case LineupChange::Kind::kChanged:
      return v1::LineupChange::KIND_CHANGED;
    case LineupChange::Kind::kRemoved:
      return v1::LineupChange::KIND_REMOVED;
  }
  return v1::LineupChange::KIND_UNSPECIFIED;
}

v1::ImportLineupResponse ReportOf(const StoredLineup& stored, const LineupImport& plan) {
  v1::ImportLineupResponse report = ToProto(plan);
  for (LineupChange& change : DescribeChanges(stored, plan, kMostChanges)) {
    v1::LineupChange& added = *report.add_changes();
    added.set_kind(KindOf(change.kind));
    added.set_channel_id(change.channel.value());
    added.set_number(change.number);
    added.set_name(std::move(change.name));
    for (LineupChange::Field& field : change.fields) {
      v1::FieldChange& difference = *added.add_fields();
      difference.set_field(std::move(field.name));
      difference.set_before(std::move(field.before));
      difference.set_after(std::move(field.after));
    }
  }
  for (const Genre& group : plan.put_genres) report.add_new_groups(group.title);
  return report;
}

}  // namespace

absl::StatusOr<v1::ImportLineupResponse> Service::ImportLineup(
    const rpc::Call& call, const v1::ImportLineupRequest& request) {
  if (!request.m3u().empty() && !request.csv().empty()) {
    return InvalidArgument("csv and m3u cannot both be given");
  }
  M3uList list;
  if (request.csv().empty()) {
    list = ParseM3u(request.m3u());
  } else {
    HOLDFAST_ASSIGN_OR_RETURN(list, ListOfCsv(request.csv()));
  }
  HOLDFAST_ASSIGN_OR_RETURN(const StoredLineup stored, store_.LoadLineup(call.deadline()));
  const auto removal = request.allow_large_removal() ? LargeRemoval::kAllow : LargeRemoval::kRefuse;
  HOLDFAST_ASSIGN_OR_RETURN(const LineupImport plan,
                            PlanImport(stored, list, removal, clock_.Now()));
  if (!request.dry_run() && plan.changes_anything()) {
    HOLDFAST_RETURN_IF_ERROR(store_.Apply(call.deadline(), plan));
    metrics_.lineup_imports.Add();
  }
  v1::ImportLineupResponse report = ReportOf(stored, plan);
  report.set_dry_run(request.dry_run());
  return report;
}

absl::StatusOr<v1::Lineup> Service::GetLineup(const rpc::Call&, const v1::GetLineupRequest&) {
  const auto lineup = models_.lineup();
  v1::Lineup response;
  response.set_revision(lineup->revision());
  for (const Channel& channel : lineup->channels()) *response.add_channels() = ToProto(channel);
  for (const Genre& genre : lineup->genres()) *response.add_genres() = ToProto(genre);
  return response;
}

absl::StatusOr<v1::ExportLineupResponse> Service::ExportLineup(
    const rpc::Call&, const v1::ExportLineupRequest& request) {
  v1::ExportLineupResponse response;
  response.set_m3u(ExportM3u(*models_.lineup(),
                             request.base_url().empty() ? "http://127.0.0.1" : request.base_url()));
  response.set_csv(ExportCsv(*models_.lineup()));
  return response;
}

absl::StatusOr<v1::Channel> Service::SetCatchUp(const rpc::Call& call,
                                                const v1::SetCatchUpRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(StoredLineup stored, store_.LoadLineup(call.deadline()));
  HOLDFAST_ASSIGN_OR_RETURN(const LineupImport plan,
                            PlanCatchUp(stored,
                                        {.channel = ChannelId(request.channel_id()),
                                         .hours = request.hours(),
                                         .source = request.source()},
                                        clock_.Now()));
  if (plan.changes_anything()) HOLDFAST_RETURN_IF_ERROR(store_.Apply(call.deadline(), plan));
  const Channel* channel = FindStored(stored, ChannelId(request.channel_id()));
  return ToProto(plan.changes_anything() ? plan.put_channels.front() : *channel);
}

absl::StatusOr<v1::Channel> Service::PutChannel(const rpc::Call& call,
                                                const v1::PutChannelRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const StoredLineup stored, store_.LoadLineup(call.deadline()));
  if (request.expected_revision() != 0 && request.expected_revision() != stored.revision) {
    return Aborted("the lineup is of revision {} by now", stored.revision);
  }
  Channel wanted = FromProto(request.channel());
  HOLDFAST_ASSIGN_OR_RETURN(const LineupImport plan, PlanChannel(stored, wanted, clock_.Now()));
  if (!plan.changes_anything()) return ToProto(*FindStored(stored, wanted.id));
  HOLDFAST_RETURN_IF_ERROR(store_.Apply(call.deadline(), plan));
  return ToProto(plan.put_channels.front());
}

absl::StatusOr<v1::RemoveChannelResponse> Service::RemoveChannel(
    const rpc::Call& call, const v1::RemoveChannelRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const StoredLineup stored, store_.LoadLineup(call.deadline()));
  if (request.expected_revision() != 0 && request.expected_revision() != stored.revision) {
    return Aborted("the lineup is of revision {} by now", stored.revision);
  }
  HOLDFAST_ASSIGN_OR_RETURN(
      const LineupImport plan,
      PlanChannelRemoval(stored, ChannelId(request.channel_id()), clock_.Now()));
  HOLDFAST_RETURN_IF_ERROR(store_.Apply(call.deadline(), plan));
  return v1::RemoveChannelResponse();
}

absl::StatusOr<v1::Genre> Service::PutGenre(const rpc::Call& call,
                                            const v1::PutGenreRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const StoredLineup stored, store_.LoadLineup(call.deadline()));
  HOLDFAST_ASSIGN_OR_RETURN(const LineupImport plan, PlanGroup(stored, FromProto(request.genre())));
  if (!plan.changes_anything()) return request.genre();
  HOLDFAST_RETURN_IF_ERROR(store_.Apply(call.deadline(), plan));
  return ToProto(plan.put_genres.front());
}

}  // namespace holdfast::middleware
