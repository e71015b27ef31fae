// What operators see and change over REST. Changes go through the methods of Service, with their
// rules, and stand in the audit log. Lists are read from PostgreSQL, so that an operator sees what
// was just written through another instance.
#pragma once

#include <string>
#include <vector>

#include "services/middleware/admin_call.h"
#include "services/middleware/service.h"
#include "services/middleware/store.h"

namespace holdfast::middleware {

// Thread-safe: no state of its own. Everything it is given outlives it. All of it blocks.
class AdminResources {
 public:
  AdminResources(Service& service, Store& store) : service_(service), store_(store) {}

  // admin_devices.cpp
  http::Response Devices(const AdminCall& call);
  http::Response AccountDevices(const AdminCall& call);
  http::Response Device(const AdminCall& call);
  http::Response PutDevice(const AdminCall& call);
  http::Response UnbindDevice(const AdminCall& call);
  http::Response RevokeDevice(const AdminCall& call);
  http::Response ImportDevices(const AdminCall& call);
  http::Response ExportDevices(const AdminCall& call);

  // admin_streams.cpp
  http::Response Streams(const AdminCall& call);
  http::Response EndStream(const AdminCall& call);

  // admin_lineup.cpp
  http::Response Channels(const AdminCall& call);
  http::Response Channel(const AdminCall& call);
  http::Response AddChannel(const AdminCall& call);
  http::Response PutChannel(const AdminCall& call);
  http::Response RemoveChannel(const AdminCall& call);
  http::Response Groups(const AdminCall& call);
  http::Response AddGroup(const AdminCall& call);
  http::Response PutGroup(const AdminCall& call);
  http::Response Packages(const AdminCall& call);
  http::Response Lineup(const AdminCall& call);
  http::Response ImportLineup(const AdminCall& call);
  http::Response ExportLineup(const AdminCall& call);

  // admin_catalogue.cpp
  http::Response Categories(const AdminCall& call);
  http::Response Category(const AdminCall& call);
  http::Response AddCategory(const AdminCall& call);
  http::Response PutCategory(const AdminCall& call);
  http::Response RemoveCategory(const AdminCall& call);
  http::Response Titles(const AdminCall& call);
  http::Response Title(const AdminCall& call);
  http::Response AddTitle(const AdminCall& call);
  http::Response PutTitle(const AdminCall& call);
  http::Response RemoveTitle(const AdminCall& call);
  http::Response Stations(const AdminCall& call);
  http::Response Station(const AdminCall& call);
  http::Response AddStation(const AdminCall& call);
  http::Response PutStation(const AdminCall& call);
  http::Response RemoveStation(const AdminCall& call);

  // admin_events.cpp
  http::Response Messages(const AdminCall& call);
  http::Response SendMessage(const AdminCall& call);
  http::Response CancelMessage(const AdminCall& call);
  http::Response AuditLog(const AdminCall& call);

 private:
  // The method of Service, written to the audit log.
  template <class Request, class Response>
  absl::StatusOr<Response> Do(const AdminCall& call,
                              absl::StatusOr<Response> (Service::*method)(const rpc::Call&,
                                                                          const Request&),
                              const Request& request) {
    return service_.audit().Do(call.actor(), request, call.deadline,
                               [&] { return (service_.*method)(call.rpc(), request); });
  }
  // The same, and its answer.
  template <class Request, class Response>
  http::Response DoAndShow(const AdminCall& call,
                           absl::StatusOr<Response> (Service::*method)(const rpc::Call&,
                                                                       const Request&),
                           const Request& request, int status = 200) {
    const absl::StatusOr<Response> done = Do(call, method, request);
    return done.ok() ? Done(*done, status) : ProblemOf(done.status(), *Request::descriptor());
  }

  http::Response DevicesOf(const AdminCall& call, const std::string& account);
  http::Response WriteChannel(const AdminCall& call, std::int64_t id);

  template <class Kind>
  http::Response ListItems(const AdminCall& call);
  template <class Kind>
  http::Response ShowItem(const AdminCall& call);
  template <class Kind>
  http::Response PutItem(const AdminCall& call, std::int64_t id);
  template <class Kind>
  http::Response RemoveItem(const AdminCall& call);
  template <class Kind>
  absl::StatusOr<typename Kind::Item> FindItem(const AdminCall& call, std::int64_t id);

  Service& service_;
  Store& store_;
};

}  // namespace holdfast::middleware
