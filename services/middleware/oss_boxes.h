// Resources of the OSS API about boxes: stb, stb_auth, stb_msg, send_event, stb_modules,
// itv_subscription.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "services/middleware/entitlements.h"
#include "services/middleware/oss_accounts.h"
#include "services/middleware/read_models.h"
#include "services/middleware/viewer_writes.h"

namespace holdfast::middleware {

// Thread-safe: no state of its own. Blocks: worker threads.
class OssBoxes {
 public:
  // All of it must outlive it.
  struct Parts {
    Store& store;
    DeviceTable& devices;
    BillingOffice& billing;
    Entitlements& entitlements;
    ViewerWrites& writes;
    EventSender& events;
    const ReadModels& models;
    const Presence& presence;
    const Clock& clock;
    OssAccounts& accounts;
  };

  explicit OssBoxes(const Parts& parts) : parts_(parts) {}

  OssAnswer Boxes(const OssCall& call);
  OssAnswer ResetAuth(const OssCall& call);
  OssAnswer SendMessage(const OssCall& call);
  OssAnswer SendEvent(const OssCall& call);
  OssAnswer Modules(const OssCall& call);
  OssAnswer ChannelsOf(const OssCall& call);

 private:
  // Those that the ids name: MACs, or all boxes of account numbers. "STB not found".
  absl::StatusOr<std::vector<Device>> Choose(const OssCall& call);
  absl::StatusOr<std::vector<Device>> AllBoxes(Deadline deadline);
  OssAnswer Show(const std::vector<Device>& boxes, const OssCall& call);
  // The accounts of the boxes, by id. One that billing does not know is left out.
  absl::StatusOr<StringMap<billing::v1::Account>> OwnersOf(const std::vector<Device>& boxes,
                                                           Deadline deadline);
  OssAnswer ShowChannels(const OssCall& call);
  OssAnswer Create(const OssCall& call);
  OssAnswer Update(const OssCall& call);
  OssAnswer Delete(const OssCall& call);
  OssAnswer ShowModules(const BoxSettings& settings) const;
  absl::Status Send(v1::SendEventRequest request, const OssCall& call);

  const Parts parts_;
};

// Settings of a box that operators make: comma separated names of modules.
inline constexpr std::string_view kDisabledModules = "operator.disabled_modules";
inline constexpr std::string_view kRestrictedModules = "operator.restricted_modules";
// The names in such a setting, as a JSON array.
std::string ModulesIn(const BoxSettings& settings, std::string_view setting);

}  // namespace holdfast::middleware
