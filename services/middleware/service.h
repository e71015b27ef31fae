// What operators and other services ask of middleware (gRPC). Boxes use HTTP: portal_http.h.
#pragma once

#include "holdfast/middleware/v1/middleware.pb.h"
#include "libs/rpc/service.h"
#include "services/middleware/audit.h"
#include "services/middleware/device_table.h"
#include "services/middleware/entitlements.h"
#include "services/middleware/event_board.h"
#include "services/middleware/event_sender.h"
#include "services/middleware/metrics.h"
#include "services/middleware/read_models.h"
#include "services/middleware/store.h"
#include "services/middleware/stream_gate.h"

namespace holdfast::middleware {

// Thread-safe. Everything it is given must outlive it.
class Service {
 public:
  static constexpr const char* kServiceName = "holdfast.middleware.v1.Middleware";

  struct Parts {
    Store& store;
    DeviceTable& devices;
    Entitlements& entitlements;
    const ReadModels& models;
    const EventBoard& events;
    const StreamGate& streams;
    Audit& audit;
    Metrics& metrics;
    const Clock& clock;
  };

  // `sender` outlives it.
  Service(const Parts& parts, EventSender& sender)
      : store_(parts.store),
        devices_(parts.devices),
        entitlements_(parts.entitlements),
        models_(parts.models),
        events_(parts.events),
        streams_(parts.streams),
        audit_(parts.audit),
        metrics_(parts.metrics),
        clock_(parts.clock),
        sender_(sender) {}

  // As gRPC methods. Those that change something are written to the audit log; whoever calls them
  // here does so with Audit::Do.
  void Register(rpc::ServiceTable& table);

  Audit& audit() { return audit_; }

  // service_lineup.cpp
  absl::StatusOr<v1::ImportLineupResponse> ImportLineup(const rpc::Call& call,
                                                        const v1::ImportLineupRequest& request);
  absl::StatusOr<v1::Lineup> GetLineup(const rpc::Call& call, const v1::GetLineupRequest& request);
  absl::StatusOr<v1::ExportLineupResponse> ExportLineup(const rpc::Call& call,
                                                        const v1::ExportLineupRequest& request);
  absl::StatusOr<v1::Channel> SetCatchUp(const rpc::Call& call,
                                         const v1::SetCatchUpRequest& request);
  absl::StatusOr<v1::Channel> PutChannel(const rpc::Call& call,
                                         const v1::PutChannelRequest& request);
  absl::StatusOr<v1::RemoveChannelResponse> RemoveChannel(const rpc::Call& call,
                                                          const v1::RemoveChannelRequest& request);
  absl::StatusOr<v1::Genre> PutGenre(const rpc::Call& call, const v1::PutGenreRequest& request);

  // service.cpp
  absl::StatusOr<v1::Device> PutDevice(const rpc::Call& call, const v1::PutDeviceRequest& request);
  absl::StatusOr<v1::ListDevicesResponse> ListDevices(const rpc::Call& call,
                                                      const v1::ListDevicesRequest& request);
  absl::StatusOr<v1::Device> RevokeDevice(const rpc::Call& call,
                                          const v1::RevokeDeviceRequest& request);
  absl::StatusOr<v1::Device> UnbindDevice(const rpc::Call& call,
                                          const v1::UnbindDeviceRequest& request);
  absl::StatusOr<v1::ListAuditResponse> ListAudit(const rpc::Call& call,
                                                  const v1::ListAuditRequest& request);

  // service_streams.cpp
  absl::StatusOr<v1::ListStreamsResponse> ListStreams(const rpc::Call& call,
                                                      const v1::ListStreamsRequest& request);
  absl::StatusOr<v1::EndStreamResponse> EndStream(const rpc::Call& call,
                                                  const v1::EndStreamRequest& request);

  // service_events.cpp
  absl::StatusOr<v1::BoxEventInfo> SendEvent(const rpc::Call& call,
                                             const v1::SendEventRequest& request);
  absl::StatusOr<v1::ListEventsResponse> ListEvents(const rpc::Call& call,
                                                    const v1::ListEventsRequest& request);
  absl::StatusOr<v1::CancelEventResponse> CancelEvent(const rpc::Call& call,
                                                      const v1::CancelEventRequest& request);

  // service_catalogue.cpp
  absl::StatusOr<v1::VodCategory> PutVodCategory(const rpc::Call& call,
                                                 const v1::PutVodCategoryRequest& request);
  absl::StatusOr<v1::VodTitle> PutVodTitle(const rpc::Call& call,
                                           const v1::PutVodTitleRequest& request);
  absl::StatusOr<v1::RadioStation> PutRadioStation(const rpc::Call& call,
                                                   const v1::PutRadioStationRequest& request);
  absl::StatusOr<v1::RemoveFromCatalogueResponse> RemoveFromCatalogue(
      const rpc::Call& call, const v1::RemoveFromCatalogueRequest& request);
  absl::StatusOr<v1::Catalogue> GetCatalogue(const rpc::Call& call,
                                             const v1::GetCatalogueRequest& request);

 private:
  // The same method, written to the audit log.
  template <auto kMethod, class Request, class Response>
  absl::StatusOr<Response> Audited(const rpc::Call& call, const Request& request) {
    const Actor actor{call.caller().empty() ? "local" : "service:" + call.caller(), ""};
    return audit_.Do(actor, request, call.deadline(),
                     [&] { return (this->*kMethod)(call, request); });
  }

  Store& store_;
  DeviceTable& devices_;
  Entitlements& entitlements_;
  const ReadModels& models_;
  const EventBoard& events_;
  const StreamGate& streams_;
  Audit& audit_;
  Metrics& metrics_;
  const Clock& clock_;
  EventSender& sender_;
};

}  // namespace holdfast::middleware
