// REST v1: what viewers keep. Writes may carry an Idempotency-Key: the same key with the same
// request is answered as the first time, with another request it is refused.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "absl/synchronization/mutex.h"
#include "libs/base/clock.h"
#include "libs/base/string_map.h"
#include "services/middleware/rest_call.h"
#include "services/middleware/rest_profiles.h"
#include "services/middleware/viewer_writes.h"

namespace holdfast::middleware {

// Answers to requests with a key, for ten minutes, of this instance. What they do may be done twice
// (the last writer wins), so an instance that does not know a key does no harm. Thread-safe;
// bounded: when full, all begin anew.
class IdempotentAnswers {
 public:
  explicit IdempotentAnswers(const Clock& clock) : clock_(clock) {}

  // Runs `act` unless the account's key has been answered before.
  http::Response Once(const RestCall& call, const std::function<http::Response()>& act);

 private:
  struct Answer {
    std::string request;
    int status = 0;
    std::string text;
    SteadyTime at;
  };

  const Clock& clock_;
  absl::Mutex mutex_;
  StringMap<Answer> answers_ ABSL_GUARDED_BY(mutex_);  // by account, device and key
};

// Thread-safe. Everything it is given outlives it.
class RestViewer {
 public:
  RestViewer(ViewerWrites& writes, RestProfiles& profiles, const Clock& clock)
      : writes_(writes), profiles_(profiles), answers_(clock) {}

  // Of the device, or of the person whose profile is named. Both block.
  http::Response Favourites(const RestCall& call);
  http::Response PutFavourites(const RestCall& call);

 private:
  absl::Status Save(const RestCall& call, const RestProfiles::Person& person,
                    const std::vector<ChannelId>& channels);

  ViewerWrites& writes_;
  RestProfiles& profiles_;
  IdempotentAnswers answers_;
};

}  // namespace holdfast::middleware
