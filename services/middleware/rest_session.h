// REST v1: logging in and out, and who is logged in. An installation of an app is a device like a
// box: it gets a portal token, counts among the devices of its account, keeps favourites, and can
// be revoked.
#pragma once

#include <string>
#include <string_view>

#include "services/middleware/app_logins.h"
#include "services/middleware/device_table.h"
#include "services/middleware/entitlements.h"
#include "services/middleware/metrics.h"
#include "services/middleware/rest_call.h"
#include "services/middleware/sessions.h"
#include "services/middleware/store.h"
#include "services/middleware/viewer_writes.h"

namespace holdfast::middleware {

// The name under which an installation is kept: an address that no network card has
// ("02:..."), always the same for one account and device. `attempt` makes another one, should two
// installations ever meet.
Mac MacOfApp(const AccountId& account, std::string_view device, int attempt);

// Thread-safe: no state of its own. Everything it is given outlives it.
class RestSession {
 public:
  struct Parts {
    AppLogins& logins;
    Sessions& sessions;
    DeviceTable& devices;
    Entitlements& entitlements;
    Store& store;
    const DatabaseHealth& database;
    const Clock& clock;
  };

  explicit RestSession(const Parts& parts) : parts_(parts) {}

  http::Response LogIn(const RestCall& call);   // blocks
  http::Response LogOut(const RestCall& call);  // blocks
  http::Response Profile(const RestCall& call) const;

 private:
  // The installation as a device of the account: as known, or written now.
  absl::StatusOr<SharedDevice> DeviceOf(const AccountId& account, std::string_view device,
                                        Deadline deadline);

  const Parts parts_;
};

}  // namespace holdfast::middleware
