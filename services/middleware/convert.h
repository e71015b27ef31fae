// Wire types to ours and back. The only place that knows both.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "holdfast/billing/v1/billing.pb.h"
#include "holdfast/cdn_routing/v1/cdn_routing.pb.h"
#include "holdfast/epg/v1/epg.pb.h"
#include "holdfast/middleware/v1/middleware.pb.h"
#include "holdfast/middleware/v1/replica_items.pb.h"
#include "libs/placement/placement.h"
#include "libs/security/token.h"
#include "services/middleware/domain/device.h"
#include "services/middleware/domain/entitlement.h"
#include "services/middleware/domain/guide.h"
#include "services/middleware/domain/lineup.h"
#include "services/middleware/domain/rental.h"
#include "services/middleware/store.h"

namespace holdfast::middleware {

// -- Our own API --------------------------------------------------------------------------------
v1::Channel ToProto(const Channel& channel);
v1::Genre ToProto(const Genre& genre);
v1::Device ToProto(const Device& device);
v1::ImportLineupResponse ToProto(const LineupImport& plan);
absl::StatusOr<Mac> ParseMac(std::string_view text);  // INVALID_ARGUMENT

// -- What instances keep on disk ------------------------------------------------------------------
Channel FromProto(const v1::Channel& item);
Genre FromProto(const v1::Genre& item);
v1::DeviceItem ToItem(const Device& device);
Device FromItem(std::string_view mac, const v1::DeviceItem& item);
v1::BoxSettings ToProto(const BoxSettings& settings);
BoxSettings FromProto(const v1::BoxSettings& settings);
v1::SettingsWrite ToProto(const SettingsWrite& write);
SettingsWrite FromProto(const v1::SettingsWrite& write);
v1::FavouritesWrite ToProto(const FavouritesWrite& write);
FavouritesWrite FromProto(const v1::FavouritesWrite& write);

// -- Neighbours ---------------------------------------------------------------------------------
Entitlement FromProto(const billing::v1::Entitlement& entitlement);
// Nothing: it is not rented one by one.
std::optional<RentalOffer> RentalOfferIn(const billing::v1::Package& package);
AccountPage AccountPageOf(const billing::v1::Entitlement& entitlement);
placement::Edge FromProto(const cdn_routing::v1::Edge& edge);
// Its texts point into `programme`.
Programme View(const epg::v1::Programme& programme);

// What a portal token says about its account. Null if it was made without one.
SharedEntitlement EntitlementIn(const security::PortalClaims& claims);

}  // namespace holdfast::middleware
