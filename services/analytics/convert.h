// The only place that knows both the wire types and ours.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "holdfast/analytics/v1/analytics.pb.h"
#include "services/analytics/store.h"

namespace holdfast::analytics {

// INVALID_ARGUMENT for a kind that we do not know. The rest is for Validate.
absl::StatusOr<PlaybackEvent> FromProto(const v1::PlaybackEvent& event);
v1::PlaybackEvent ToProto(const PlaybackEvent& event);

// A batch as one record of the spool, and back; DATA_LOSS for what is not a batch.
std::string ToSpoolRecord(const std::vector<PlaybackEvent>& events);
absl::StatusOr<std::vector<PlaybackEvent>> FromSpoolRecord(std::string_view record);

// INVALID_ARGUMENT: see Validate.
absl::StatusOr<ReportRange> FromProto(const v1::ReportRequest& request);
v1::ListChannelCountsResponse ChannelCountsToProto(const std::vector<CountsRow>& rows);
v1::ListEdgeCountsResponse EdgeCountsToProto(const std::vector<CountsRow>& rows);
v1::ListErrorCountsResponse ToProto(const std::vector<ErrorCount>& rows);

v1::ChannelPopularity ToProto(const RankedChannel& channel);
RankedChannel FromProto(const v1::ChannelPopularity& channel);

}  // namespace holdfast::analytics
