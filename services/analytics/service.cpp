#include "services/analytics/service.h"

#include <algorithm>
#include <vector>

#include "libs/base/status.h"
#include "services/analytics/convert.h"

namespace holdfast::analytics {
namespace {

constexpr int kMaxBatch = 10'000;
constexpr int kDefaultRecommendations = 20;
constexpr int kMaxRecommendations = 500;

}  // namespace

Service::Service(const Options& options, EventBuffer& buffer, const PopularityList& popularity,
                 Store& store, const Metrics& metrics, const Clock& clock)
    : options_(options),
      buffer_(buffer),
      popularity_(popularity),
      store_(store),
      metrics_(metrics),
      clock_(clock) {}

void Service::Register(rpc::ServiceTable& table) {
  table.Inline("Ingest", *this, &Service::Ingest);
  table.Inline("Recommend", *this, &Service::Recommend);
  table.Worker("ListChannelCounts", *this, &Service::ListChannelCounts);
  table.Worker("ListEdgeCounts", *this, &Service::ListEdgeCounts);
  table.Worker("ListErrorCounts", *this, &Service::ListErrorCounts);
}

absl::StatusOr<v1::IngestResponse> Service::Ingest(const rpc::Call&,
                                                   const v1::IngestRequest& request) {
  if (request.events_size() > kMaxBatch) {
    return InvalidArgument("{} events, a batch has at most {}", request.events_size(), kMaxBatch);
  }
  const WallTime now = clock_.Now();
  std::vector<PlaybackEvent> events;
  events.reserve(static_cast<std::size_t>(request.events_size()));
  for (const v1::PlaybackEvent& proto : request.events()) {
    absl::StatusOr<PlaybackEvent> event = FromProto(proto);
    if (event.ok() && Validate(*event, now).ok()) events.push_back(*std::move(event));
  }
  HOLDFAST_ASSIGN_OR_RETURN(const EventBuffer::Outcome outcome, buffer_.Offer(events));

  v1::IngestResponse response;
  response.set_accepted(static_cast<int>(outcome.accepted.size()));
  response.set_duplicates(outcome.duplicates);
  response.set_refused(request.events_size() - static_cast<int>(events.size()));
  for (const PlaybackEvent& event : outcome.accepted) metrics_.Accepted(event);
  metrics_.duplicates.Add(response.duplicates());
  metrics_.refused.Add(response.refused());
  return response;
}

absl::StatusOr<v1::RecommendResponse> Service::Recommend(const rpc::Call&,
                                                         const v1::RecommendRequest& request) {
  const PopularityList::Ranking ranking = popularity_.Current();
  const int wanted = request.limit() > 0 ? std::min(request.limit(), kMaxRecommendations)
                                         : kDefaultRecommendations;
  v1::RecommendResponse response;
  for (const RankedChannel& channel : *ranking) {
    if (response.channel_ids_size() == wanted) break;
    response.add_channel_ids(channel.channel.value());
  }
  const std::chrono::seconds age = popularity_.age();
  if (age > options_.popularity_stale_after) {
    response.set_degraded(true);
    response.set_age_seconds(age.count());
  }
  return response;
}

absl::StatusOr<v1::ListChannelCountsResponse> Service::ListChannelCounts(
    const rpc::Call& call, const v1::ReportRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const ReportRange range, FromProto(request));
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<CountsRow> rows,
                            store_.CountByChannel(call.deadline(), range));
  return ChannelCountsToProto(rows);
}

absl::StatusOr<v1::ListEdgeCountsResponse> Service::ListEdgeCounts(
    const rpc::Call& call, const v1::ReportRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const ReportRange range, FromProto(request));
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<CountsRow> rows,
                            store_.CountByEdge(call.deadline(), range));
  return EdgeCountsToProto(rows);
}

absl::StatusOr<v1::ListErrorCountsResponse> Service::ListErrorCounts(
    const rpc::Call& call, const v1::ReportRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const ReportRange range, FromProto(request));
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<ErrorCount> rows,
                            store_.CountErrors(call.deadline(), range));
  return ToProto(rows);
}

}  // namespace holdfast::analytics
