// What operators and other services ask of middleware (gRPC). Boxes use HTTP: portal_http.h.
#pragma once

#include "holdfast/middleware/v1/middleware.pb.h"
#include "libs/rpc/service.h"
#include "services/middleware/device_table.h"
#include "services/middleware/metrics.h"
#include "services/middleware/read_models.h"
#include "services/middleware/store.h"

namespace holdfast::middleware {

// Thread-safe. Everything it is given must outlive it.
class Service {
 public:
  static constexpr const char* kServiceName = "holdfast.middleware.v1.Middleware";

  Service(Store& store, DeviceTable& devices, const ReadModels& models, Metrics& metrics,
          const Clock& clock)
      : store_(store), devices_(devices), models_(models), metrics_(metrics), clock_(clock) {}

  void Register(rpc::ServiceTable& table);

  absl::StatusOr<v1::ImportLineupResponse> ImportLineup(const rpc::Call& call,
                                                        const v1::ImportLineupRequest& request);
  absl::StatusOr<v1::Lineup> GetLineup(const rpc::Call& call, const v1::GetLineupRequest& request);
  absl::StatusOr<v1::ExportLineupResponse> ExportLineup(const rpc::Call& call,
                                                        const v1::ExportLineupRequest& request);
  absl::StatusOr<v1::Device> PutDevice(const rpc::Call& call, const v1::PutDeviceRequest& request);
  absl::StatusOr<v1::ListDevicesResponse> ListDevices(const rpc::Call& call,
                                                      const v1::ListDevicesRequest& request);
  absl::StatusOr<v1::Device> RevokeDevice(const rpc::Call& call,
                                          const v1::RevokeDeviceRequest& request);

 private:
  Store& store_;
  DeviceTable& devices_;
  const ReadModels& models_;
  Metrics& metrics_;
  const Clock& clock_;
};

}  // namespace holdfast::middleware
