// What epg offers to other services and to operators.
#pragma once

#include <chrono>
#include <string_view>

#include "absl/status/statusor.h"
#include "holdfast/epg/v1/epg.pb.h"
#include "libs/base/clock.h"
#include "libs/replica/replica.h"
#include "libs/rpc/service.h"
#include "services/epg/importer.h"
#include "services/epg/store.h"

namespace holdfast::epg {

using Guide = replica::Replica<v1::GuideDay>;

// Thread-safe. Reading methods answer from memory.
class Service {
 public:
  static constexpr std::string_view kServiceName = "holdfast.epg.v1.Epg";

  Service(const Guide& guide, Store& store, Importer& importer, const Clock& clock);
  void Register(rpc::ServiceTable& table);

 private:
  absl::StatusOr<v1::GetScheduleResponse> GetSchedule(const rpc::Call&,
                                                      const v1::GetScheduleRequest&);
  absl::StatusOr<v1::GetNowNextResponse> GetNowNext(const rpc::Call&, const v1::GetNowNextRequest&);
  absl::StatusOr<v1::Source> PutSource(const rpc::Call&, const v1::Source&);
  absl::StatusOr<v1::ListSourcesResponse> ListSources(const rpc::Call&,
                                                      const v1::ListSourcesRequest&);
  absl::StatusOr<v1::ImportReport> ImportSource(const rpc::Call&, const v1::ImportSourceRequest&);

  const Guide& guide_;
  Store& store_;
  Importer& importer_;
  const Clock& clock_;
};

}  // namespace holdfast::epg
