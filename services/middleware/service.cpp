#include "services/middleware/service.h"

#include "libs/base/status.h"
#include "services/middleware/convert.h"
#include "services/middleware/domain/lineup_import.h"

namespace holdfast::middleware {
namespace {

constexpr int kDefaultPageSize = 100;
constexpr int kLargestPageSize = 1000;
constexpr auto kEntitlementTimeout = std::chrono::milliseconds(300);

}  // namespace

void Service::Register(rpc::ServiceTable& table) {
  table.Worker("ImportLineup", *this, &Service::ImportLineup, Criticality::kBulk);
  table.Inline("GetLineup", *this, &Service::GetLineup);
  table.Inline("ExportLineup", *this, &Service::ExportLineup, Criticality::kBulk);
  table.Worker("SetCatchUp", *this, &Service::SetCatchUp);
  table.Worker("PutDevice", *this, &Service::PutDevice);
  table.Worker("ListDevices", *this, &Service::ListDevices);
  table.Worker("RevokeDevice", *this, &Service::RevokeDevice);
  table.Worker("SendEvent", *this, &Service::SendEvent);
  table.Inline("ListEvents", *this, &Service::ListEvents);
  table.Worker("CancelEvent", *this, &Service::CancelEvent);
  table.Worker("PutVodCategory", *this, &Service::PutVodCategory);
  table.Worker("PutVodTitle", *this, &Service::PutVodTitle);
  table.Worker("PutRadioStation", *this, &Service::PutRadioStation);
  table.Worker("RemoveFromCatalogue", *this, &Service::RemoveFromCatalogue);
  table.Inline("GetCatalogue", *this, &Service::GetCatalogue);
}

absl::StatusOr<v1::ImportLineupResponse> Service::ImportLineup(
    const rpc::Call& call, const v1::ImportLineupRequest& request) {
  const M3uList list = ParseM3u(request.m3u());
  HOLDFAST_ASSIGN_OR_RETURN(const StoredLineup stored, store_.LoadLineup(call.deadline()));
  const auto removal = request.allow_large_removal() ? LargeRemoval::kAllow : LargeRemoval::kRefuse;
  HOLDFAST_ASSIGN_OR_RETURN(const LineupImport plan,
                            PlanImport(stored, list, removal, clock_.Now()));
  if (!request.dry_run() && plan.changes_anything()) {
    HOLDFAST_RETURN_IF_ERROR(store_.Apply(call.deadline(), plan));
    metrics_.lineup_imports.Add();
  }
  return ToProto(plan);
}

absl::StatusOr<v1::Lineup> Service::GetLineup(const rpc::Call&, const v1::GetLineupRequest&) {
  const auto lineup = models_.lineup();
  v1::Lineup response;
  response.set_revision(lineup->revision());
  for (const Channel& channel : lineup->channels()) *response.add_channels() = ToProto(channel);
  for (const Genre& genre : lineup->genres()) *response.add_genres() = ToProto(genre);
  return response;
}

absl::StatusOr<v1::ExportLineupResponse> Service::ExportLineup(
    const rpc::Call&, const v1::ExportLineupRequest& request) {
  v1::ExportLineupResponse response;
  response.set_m3u(ExportM3u(*models_.lineup(),
                             request.base_url().empty() ? "http://127.0.0.1" : request.base_url()));
  return response;
}

absl::StatusOr<v1::Channel> Service::SetCatchUp(const rpc::Call& call,
                                                const v1::SetCatchUpRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(StoredLineup stored, store_.LoadLineup(call.deadline()));
  HOLDFAST_ASSIGN_OR_RETURN(const LineupImport plan,
                            PlanCatchUp(stored,
                                        {.channel = ChannelId(request.channel_id()),
                                         .hours = request.hours(),
                                         .source = request.source()},
                                        clock_.Now()));
  if (plan.changes_anything()) HOLDFAST_RETURN_IF_ERROR(store_.Apply(call.deadline(), plan));
  const Channel* channel = FindStored(stored, ChannelId(request.channel_id()));
  return ToProto(plan.changes_anything() ? plan.put_channels.front() : *channel);
}

absl::StatusOr<v1::Device> Service::PutDevice(const rpc::Call& call,
                                              const v1::PutDeviceRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const Mac mac, ParseMac(request.mac()));
  if (request.account_id().empty()) return InvalidArgument("account_id is empty");
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

}  // namespace holdfast::middleware
