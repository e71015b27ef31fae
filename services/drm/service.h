// What drm offers over gRPC: the epochs, for operators. Keys leave over HTTP only (key_http.h).
#pragma once

#include "absl/status/statusor.h"
#include "holdfast/drm/v1/drm.pb.h"
#include "libs/rpc/service.h"
#include "services/drm/epoch_keeper.h"
#include "services/drm/epoch_maker.h"

namespace holdfast::drm {

// Thread-safe. What it refers to must outlive it.
class Service {
 public:
  static constexpr std::string_view kServiceName = "holdfast.drm.v1.Drm";

  Service(const EpochKeeper& epochs, EpochMaker& maker) : epochs_(epochs), maker_(maker) {}

  void Register(rpc::ServiceTable& table);

  absl::StatusOr<v1::ListEpochsResponse> ListEpochs(const rpc::Call& call,
                                                    const v1::ListEpochsRequest& request);
  absl::StatusOr<v1::RotateNowResponse> RotateNow(const rpc::Call& call,
                                                  const v1::RotateNowRequest& request);

 private:
  const EpochKeeper& epochs_;
  EpochMaker& maker_;
};

}  // namespace holdfast::drm
