// REST v1: favourite channels, of the device or of a person.
#pragma once

#include <vector>

#include "services/middleware/rest_call.h"
#include "services/middleware/rest_idempotency.h"
#include "services/middleware/rest_profiles.h"
#include "services/middleware/viewer_writes.h"

namespace holdfast::middleware {

// Thread-safe. Everything it is given outlives it.
class RestViewer {
 public:
  RestViewer(ViewerWrites& writes, RestProfiles& profiles, IdempotentAnswers& answers,
             const DatabaseHealth& database)
      : writes_(writes), profiles_(profiles), answers_(answers), database_(database) {}

  // Of the device, or of the person whose profile is named. Both block.
  http::Response Favourites(const RestCall& call);
  http::Response PutFavourites(const RestCall& call);

 private:
  http::Response Save(const RestCall& call, const RestProfiles::Person& person,
                      const std::vector<ChannelId>& channels);

  ViewerWrites& writes_;
  RestProfiles& profiles_;
  IdempotentAnswers& answers_;
  const DatabaseHealth& database_;
};

}  // namespace holdfast::middleware
