// Actions of the types "account_info", "account" and "user": the account page, packages that a
// viewer adds or drops on the box, and films that are rented one by one.
#pragma once

#include <string>

#include "services/middleware/config.h"
#include "services/middleware/device_table.h"
#include "services/middleware/entitlements.h"
#include "services/middleware/event_sender.h"
#include "services/middleware/oss_hooks.h"
#include "services/middleware/portal_call.h"
#include "services/middleware/read_models.h"
#include "services/middleware/rental_desk.h"
#include "services/middleware/subscription_desk.h"
#include "services/middleware/zones.h"

namespace holdfast::middleware {

// Thread-safe: no state of its own. The page and the prices of films are from memory; packages are
// asked of billing, and while it is away the list is made of what is known and changes are refused
// with a text.
class AccountActions {
 public:
  // All of it must outlive it.
  struct Parts {
    Entitlements& entitlements;
    DeviceTable& devices;
    SubscriptionDesk& desk;
    RentalDesk& rentals;
    EventSender& events;
    OssHooks& hooks;
    const ReadModels& models;
    Zones& zones;
  };

  AccountActions(const PortalConfig& config, const Parts& parts) : config_(config), parts_(parts) {}

  void AddTo(ActionTable& table);

 private:
  PortalAnswer GetMainInfo(PortalCall& call);
  PortalAnswer GetPaymentInfo(PortalCall& call);
  // portal_packages.cpp
  PortalAnswer GetPackages(const PortalCall& call);
  PortalAnswer KnownPackages(const PortalCall& call);
  PortalAnswer CheckPrice(const PortalCall& call);
  PortalAnswer Subscribe(const PortalCall& call);
  PortalAnswer Unsubscribe(const PortalCall& call);
  PortalAnswer Describe(const PortalCall& call);
  // portal_rent.cpp
  PortalAnswer CheckFilmPrice(PortalCall& call);
  PortalOutcome RentFilm(PortalCall& call);
  PortalAnswer AskToRent(const PortalCall& call, std::int64_t title);
  PortalAnswer Rented(const PortalCall& call, const VodTitle& title, const FilmRight& right) const;
  FilmRights RightsOf(const PortalCall& call) const {
    return {*call.knowledge.entitlement, parts_.models.rental_offers(), call.now};
  }

  PortalAnswer PackageList(const PortalCall& call, const std::vector<Offer>& offers) const;
  void TellOthers(const PortalCall& call, const AccountSubscriptions& before, bool added);

  const PortalConfig config_;
  const Parts parts_;
};

}  // namespace holdfast::middleware
