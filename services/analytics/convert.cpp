#include "services/analytics/convert.h"

#include <algorithm>

#include "libs/base/status.h"

namespace holdfast::analytics {
namespace {

v1::Counts ToProto(const Counts& counts) {
  v1::Counts proto;
  proto.set_plays(counts.plays);
  proto.set_stops(counts.stops);
  proto.set_heartbeats(counts.heartbeats);
  proto.set_errors(counts.errors);
  proto.set_zaps(counts.zaps);
  return proto;
}

// What a time on the wire may be: beyond, system_clock overflows.
constexpr std::int64_t kLatestMs = 9'000'000'000'000;

WallTime TimeFromMillis(std::int64_t ms) {
  return FromEpochMillis(std::clamp<std::int64_t>(ms, 0, kLatestMs));
}

}  // namespace

absl::StatusOr<PlaybackEvent> FromProto(const v1::PlaybackEvent& event) {
  if (event.kind() < v1::PlaybackEvent::KIND_PLAY || event.kind() > v1::PlaybackEvent::KIND_ZAP) {
    return InvalidArgument("event kind {} unknown", static_cast<int>(event.kind()));
  }
  return PlaybackEvent{.id = EventId(event.event_id()),
                       .kind = static_cast<EventKind>(event.kind()),
                       .channel = ChannelId(event.channel_id()),
                       .edge = EdgeId(event.edge_id()),
                       .error = event.error(),
                       .at = TimeFromMillis(event.at_ms())};
}

v1::PlaybackEvent ToProto(const PlaybackEvent& event) {
  v1::PlaybackEvent proto;
  proto.set_event_id(event.id.value());
  proto.set_kind(static_cast<v1::PlaybackEvent::Kind>(event.kind));
  proto.set_channel_id(event.channel.value());
  proto.set_edge_id(event.edge.value());
  proto.set_error(event.error);
  proto.set_at_ms(EpochMillis(event.at));
  return proto;
}

std::string ToSpoolRecord(const std::vector<PlaybackEvent>& events) {
  v1::IngestRequest batch;
  for (const PlaybackEvent& event : events) *batch.add_events() = ToProto(event);
  return batch.SerializeAsString();
}

absl::StatusOr<std::vector<PlaybackEvent>> FromSpoolRecord(std::string_view record) {
  v1::IngestRequest batch;
  if (!batch.ParseFromArray(record.data(), static_cast<int>(record.size()))) {
    return DataLoss("spooled record is not a batch of events");
  }
  std::vector<PlaybackEvent> events;
  for (const v1::PlaybackEvent& proto : batch.events()) {
    absl::StatusOr<PlaybackEvent> event = FromProto(proto);
    if (!event.ok()) return DataLoss("spooled batch: {}", View(event.status().message()));
    events.push_back(*std::move(event));
  }
  return events;
}

absl::StatusOr<ReportRange> FromProto(const v1::ReportRequest& request) {
  const ReportRange range{.from = TimeFromMillis(request.from_ms()),
                          .to = TimeFromMillis(request.to_ms()),
                          .limit = request.limit() == 0 ? kDefaultReportRows : request.limit()};
  HOLDFAST_RETURN_IF_ERROR(Validate(range));
  return range;
}

v1::ListChannelCountsResponse ChannelCountsToProto(const std::vector<CountsRow>& rows) {
  v1::ListChannelCountsResponse response;
  for (const CountsRow& row : rows) {
    auto* out = response.add_rows();
    out->set_channel_id(row.key);
    *out->mutable_counts() = ToProto(row.counts);
  }
  return response;
}

v1::ListEdgeCountsResponse EdgeCountsToProto(const std::vector<CountsRow>& rows) {
  v1::ListEdgeCountsResponse response;
  for (const CountsRow& row : rows) {
    auto* out = response.add_rows();
    out->set_edge_id(row.key);
    *out->mutable_counts() = ToProto(row.counts);
  }
  return response;
}

v1::ListErrorCountsResponse ToProto(const std::vector<ErrorCount>& rows) {
  v1::ListErrorCountsResponse response;
  for (const ErrorCount& row : rows) {
    auto* out = response.add_rows();
    out->set_error(row.error);
    out->set_count(row.count);
  }
  return response;
}

v1::ChannelPopularity ToProto(const RankedChannel& channel) {
  v1::ChannelPopularity proto;
  proto.set_channel_id(channel.channel.value());
  proto.set_score(channel.score);
  return proto;
}

RankedChannel FromProto(const v1::ChannelPopularity& channel) {
  return {.channel = ChannelId(channel.channel_id()), .score = channel.score()};
}

}  // namespace holdfast::analytics
