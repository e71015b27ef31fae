// REST v1: programmes that a viewer wants to be reminded of. Shared with the boxes of the
// household, unless a profile of a person is named.
#pragma once

#include "services/middleware/read_models.h"
#include "services/middleware/rest_call.h"
#include "services/middleware/rest_profiles.h"
#include "services/middleware/xtream_api.h"

namespace holdfast::middleware {

// Thread-safe: no state of its own. Everything it is given outlives it. All of it blocks.
class RestReminders {
 public:
  RestReminders(AdultChannels adult, ReadModels& models, RestProfiles& profiles)
      : adult_(adult), models_(models), profiles_(profiles) {}

  // Those that are still to come, the next one first.
  http::Response List(const RestCall& call);
  http::Response Put(const RestCall& call);
  http::Response Remove(const RestCall& call);

 private:
  const AdultChannels adult_;
  ReadModels& models_;
  RestProfiles& profiles_;
};

}  // namespace holdfast::middleware
