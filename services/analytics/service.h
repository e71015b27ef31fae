// What analytics offers to other services and to operators.
#pragma once

#include <chrono>
#include <string_view>

#include "absl/status/statusor.h"
#include "holdfast/analytics/v1/analytics.pb.h"
#include "libs/base/clock.h"
#include "libs/rpc/service.h"
#include "services/analytics/event_buffer.h"
#include "services/analytics/metrics.h"
#include "services/analytics/popularity_list.h"
#include "services/analytics/store.h"

namespace holdfast::analytics {

// Thread-safe. Ingest and Recommend answer from memory; reports read the database.
class Service {
 public:
  static constexpr std::string_view kServiceName = "holdfast.analytics.v1.Analytics";

  struct Options {
    // A list that was not renewed for so long is answered as degraded.
    std::chrono::milliseconds popularity_stale_after = std::chrono::minutes(1);
  };

  Service(const Options& options, EventBuffer& buffer, const PopularityList& popularity,
          Store& store, const Metrics& metrics, const Clock& clock);
  void Register(rpc::ServiceTable& table);

 private:
  absl::StatusOr<v1::IngestResponse> Ingest(const rpc::Call&, const v1::IngestRequest&);
  absl::StatusOr<v1::RecommendResponse> Recommend(const rpc::Call&, const v1::RecommendRequest&);
  absl::StatusOr<v1::ListChannelCountsResponse> ListChannelCounts(const rpc::Call&,
                                                                  const v1::ReportRequest&);
  absl::StatusOr<v1::ListEdgeCountsResponse> ListEdgeCounts(const rpc::Call&,
                                                            const v1::ReportRequest&);
  absl::StatusOr<v1::ListErrorCountsResponse> ListErrorCounts(const rpc::Call&,
                                                              const v1::ReportRequest&);

  const Options options_;
  EventBuffer& buffer_;
  const PopularityList& popularity_;
  Store& store_;
  const Metrics& metrics_;
  const Clock& clock_;
};

}  // namespace holdfast::analytics
