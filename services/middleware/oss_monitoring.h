// What an operator's monitoring asks for and tells: the resource monitoring_links, and the
// monitoring_status of itv. A channel or a radio station that is said to be down is shown closed
// until it is up again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "services/middleware/domain/ids.h"
#include "services/middleware/metrics.h"
#include "services/middleware/oss_call.h"
#include "services/middleware/read_models.h"
#include "services/middleware/store.h"
#include "services/middleware/stream_links.h"

namespace holdfast::middleware {

// Whether the call is about radio stations.
bool IsOfRadio(const OssCall& call);
// "0" and "1"; INVALID_ARGUMENT for anything else, naming the field.
absl::StatusOr<bool> SaidDown(const OssCall& call, std::string_view field);
// Scripts cut the line at spaces: there is none in the name.
std::string MonitoringLine(std::int64_t id, std::string_view address, std::string_view name,
                           bool down);

inline constexpr std::string_view kMonitoringForm = "text/channel-monitoring-id-url";

// The part of `total` links that the Accept header asks for: "...;part=1/2" (the first of two equal
// parts) or "...;items=1-50"; neither: all. INVALID_ARGUMENT.
absl::StatusOr<OssPart> MonitoringPart(std::string_view accept, std::size_t total);

// Thread-safe. Links and PutChannels block: worker threads.
class OssMonitoring {
 public:
  // All of it must outlive it.
  struct Parts {
    Store& store;
    const ReadModels& models;
    const StreamLinks& links;
    Metrics& metrics;
  };

  explicit OssMonitoring(const Parts& parts) : parts_(parts) {}

  OssAnswer Links(const OssCall& call);        // monitoring_links
  OssAnswer PutChannels(const OssCall& call);  // PUT of itv

  // A PUT that says what is so already. Monitors tell of every channel every few minutes: that is
  // no change to write down. Memory only.
  bool SaysNothingNew(const OssCall& call) const;

 private:
  // Of type=radio, in oss_monitoring_radio.cpp.
  OssAnswer ShowStations(const OssCall& call) const;
  OssAnswer PutStations(const OssCall& call);
  bool StationsSayNothingNew(const OssCall& call) const;

  OssAnswer Show(const OssCall& call) const;
  OssAnswer Put(const OssCall& call, std::string_view field, std::string_view nobody);

  const Parts parts_;
  mutable absl::Mutex mutex_;
  // What this instance last wrote: its picture of the lineup is a second behind.
  absl::flat_hash_map<ChannelId, bool> told_down_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::int64_t, bool> told_station_down_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace holdfast::middleware
