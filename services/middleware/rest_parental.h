// REST v1: the PIN of a device, and what it opens: links to adult channels and films (X-Pin), and
// adult channels in players that cannot ask for a PIN (decision 0032).
#pragma once

#include <optional>

#include "services/middleware/account_notes.h"
#include "services/middleware/attempt_limiter.h"
#include "services/middleware/rest_call.h"
#include "services/middleware/rest_profiles.h"
#include "services/middleware/viewer_writes.h"

namespace holdfast::middleware {

// Thread-safe. Everything it is given outlives it.
class RestParental {
 public:
  RestParental(ViewerWrites& writes, AccountNotes& notes, RestProfiles& profiles,
               const DatabaseHealth& database, const Clock& clock);

  // A problem unless the call shows the PIN of its device, "0000" before one was chosen. After ten
  // wrong ones in a minute not even the right one does. Memory only.
  std::optional<http::Response> Demand(const RestCall& call);

  http::Response Get(const RestCall& call);  // memory only
  http::Response Put(const RestCall& call);  // blocks

 private:
  ViewerWrites& writes_;
  AccountNotes& notes_;
  RestProfiles& profiles_;
  const DatabaseHealth& database_;
  AttemptLimiter wrong_by_device_;
};

}  // namespace holdfast::middleware
