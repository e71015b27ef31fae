#include "services/middleware/service.h"

#include "libs/base/status.h"
#include "services/middleware/convert.h"
#include "services/middleware/domain/m3u.h"

namespace holdfast::middleware {
namespace {

constexpr int kDefaultPageSize = 100;
constexpr int kLargestPageSize = 1000;
constexpr std::size_t kLongestAccount = 200;
constexpr auto kEntitlementTimeout = std::chrono::milliseconds(300);

}  // namespace

void Service::Register(rpc::ServiceTable& table) {
  using S = Service;
  table.Worker("ImportLineup", *this,
               &S::Audited<&S::ImportLineup, v1::ImportLineupRequest, v1::ImportLineupResponse>);
  table.Inline("GetLineup", *this, &S::GetLineup);
  table.Inline("ExportLineup", *this, &S::ExportLineup);
  table.Worker("SetCatchUp", *this,
               &S::Audited<&S::SetCatchUp, v1::SetCatchUpRequest, v1::Channel>);
  table.Worker("PutChannel", *this,
               &S::Audited<&S::PutChannel, v1::PutChannelRequest, v1::Channel>);
  table.Worker("RemoveChannel", *this,
               &S::Audited<&S::RemoveChannel, v1::RemoveChannelRequest, v1::RemoveChannelResponse>);
  table.Worker("PutGenre", *this, &S::Audited<&S::PutGenre, v1::PutGenreRequest, v1::Genre>);
  table.Worker("PutDevice", *this, &S::Audited<&S::PutDevice, v1::PutDeviceRequest, v1::Device>);
  table.Worker("ListDevices", *this, &S::ListDevices);
  table.Worker("RevokeDevice", *this,
               &S::Audited<&S::RevokeDevice, v1::RevokeDeviceRequest, v1::Device>);
  table.Worker("UnbindDevice", *this,
               &S::Audited<&S::UnbindDevice, v1::UnbindDeviceRequest, v1::Device>);
  table.Inline("ListStreams", *this, &S::ListStreams);
  table.Worker("EndStream", *this,
               &S::Audited<&S::EndStream, v1::EndStreamRequest, v1::EndStreamResponse>);
  table.Worker("SendEvent", *this,
               &S::Audited<&S::SendEvent, v1::SendEventRequest, v1::BoxEventInfo>);
  table.Inline("ListEvents", *this, &S::ListEvents);
  table.Worker("CancelEvent", *this,
               &S::Audited<&S::CancelEvent, v1::CancelEventRequest, v1::CancelEventResponse>);
  table.Worker("PutVodCategory", *this,
               &S::Audited<&S::PutVodCategory, v1::PutVodCategoryRequest, v1::VodCategory>);
  table.Worker("PutVodTitle", *this,
               &S::Audited<&S::PutVodTitle, v1::PutVodTitleRequest, v1::VodTitle>);
  table.Worker("PutRadioStation", *this,
               &S::Audited<&S::PutRadioStation, v1::PutRadioStationRequest, v1::RadioStation>);
  table.Worker("RemoveFromCatalogue", *this,
               &S::Audited<&S::RemoveFromCatalogue, v1::RemoveFromCatalogueRequest,
                           v1::RemoveFromCatalogueResponse>);
  table.Inline("GetCatalogue", *this, &S::GetCatalogue);
  table.Worker("ListAudit", *this, &S::ListAudit);
}

absl::StatusOr<v1::Device> Service::PutDevice(const rpc::Call& call,
                                              const v1::PutDeviceRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const Mac mac, ParseMac(request.mac()));
  if (request.account_id().empty()) return InvalidArgument("account_id is empty");
  if (request.account_id().size() > kLongestAccount ||
      CleanUtf8(request.account_id()) != request.account_id()) {
    return InvalidArgument("account_id is longer than {} bytes or has odd characters",
                           kLongestAccount);
  }
  const AccountId account(request.account_id());
  const SharedEntitlement known =
      entitlements_.Load(account, call.deadline().AtMost(kEntitlementTimeout));
  HOLDFAST_ASSIGN_OR_RETURN(
      const BoundDevice bound,
      store_.Bind(call.deadline(),
                  {.mac = mac,
                   .account = account,
                   .chosen_token_hash = {},
                   .limit = {.max_devices = known == nullptr ? 0 : known->max_devices,
                             .when_full = DeviceLimit::WhenFull::kRefuse}}));
  devices_.Put(bound.device);
  return ToProto(bound.device);
}

absl::StatusOr<v1::ListDevicesResponse> Service::ListDevices(
    const rpc::Call& call, const v1::ListDevicesRequest& request) {
  if (request.page_size() < 0 || request.page_size() > kLargestPageSize) {
    return InvalidArgument("page_size is not from 0 to {}", kLargestPageSize);
  }
  const int limit = request.page_size() == 0 ? kDefaultPageSize : request.page_size();
  HOLDFAST_ASSIGN_OR_RETURN(const DevicePage page,
                            store_.ListDevices(call.deadline(), AccountId(request.account_id()),
                                               request.page_token(), limit));
  v1::ListDevicesResponse response;
  for (const Device& device : page.devices) *response.add_devices() = ToProto(device);
  response.set_next_page_token(page.next_mac);
  return response;
}

absl::StatusOr<v1::Device> Service::RevokeDevice(const rpc::Call& call,
                                                 const v1::RevokeDeviceRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const Mac mac, ParseMac(request.mac()));
  HOLDFAST_ASSIGN_OR_RETURN(const Device device, store_.Revoke(call.deadline(), mac));
  devices_.Put(device);
  return ToProto(device);
}

absl::StatusOr<v1::Device> Service::UnbindDevice(const rpc::Call& call,
                                                 const v1::UnbindDeviceRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const Mac mac, ParseMac(request.mac()));
  HOLDFAST_ASSIGN_OR_RETURN(const Device device, store_.LogOut(call.deadline(), mac));
  devices_.Put(device);
  return ToProto(device);
}

absl::StatusOr<v1::ListAuditResponse> Service::ListAudit(const rpc::Call& call,
                                                         const v1::ListAuditRequest& request) {
  if (request.page_size() < 0 || request.page_size() > kLargestPageSize) {
    return InvalidArgument("page_size is not from 0 to {}", kLargestPageSize);
  }
  if (request.before_entry_id() < 0) return InvalidArgument("before_entry_id is negative");
  const int limit = request.page_size() == 0 ? kDefaultPageSize : request.page_size();
  HOLDFAST_ASSIGN_OR_RETURN(
      std::vector<AuditEntry> entries,
      audit_.store().List(call.deadline(), {.actor = request.actor(),
                                            .action = request.action(),
                                            .object = request.object(),
                                            .since_ms = request.since_ms(),
                                            .until_ms = request.until_ms(),
                                            .before_id = request.before_entry_id(),
                                            .limit = limit + 1}));
  v1::ListAuditResponse response;
  if (entries.size() > static_cast<std::size_t>(limit)) {
    entries.pop_back();
    response.set_next_before_entry_id(entries.back().id);
  }
  for (AuditEntry& entry : entries) {
    v1::AuditEntry& added = *response.add_entries();
    added.set_entry_id(entry.id);
    added.set_at_ms(entry.at_ms);
    added.set_actor(std::move(entry.actor));
    added.set_address(std::move(entry.address));
    added.set_action(std::move(entry.action));
    added.set_object(std::move(entry.object));
    added.set_request(std::move(entry.request));
    added.set_outcome(std::move(entry.outcome));
  }
  return response;
}

}  // namespace holdfast::middleware
