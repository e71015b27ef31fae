// REST v1: the persons of a household. A request names its person in X-Profile; without it, it is
// about the household (favourites: about the device), which is what boxes see.
#pragma once

#include <optional>
#include <string>

#include "services/middleware/domain/profile.h"
#include "services/middleware/metrics.h"
#include "services/middleware/rest_call.h"
#include "services/middleware/rest_idempotency.h"
#include "services/middleware/viewer_data.h"

namespace holdfast::middleware {

// Thread-safe: no state of its own. Everything it is given outlives it. All of it blocks.
class RestProfiles {
 public:
  struct Person {
    std::string viewer;                     // whose items are read and written
    std::optional<Profile> profile;         // nothing: the household
    std::optional<http::Response> problem;  // X-Profile names nobody of this account
  };

  RestProfiles(ViewerData& viewers, IdempotentAnswers& answers, Metrics& metrics)
      : viewers_(viewers), answers_(answers), metrics_(metrics) {}

  http::Response List(const RestCall& call);
  // With an Idempotency-Key the profile is made once, through whichever instance it comes.
  http::Response Add(const RestCall& call);
  http::Response Put(const RestCall& call);
  // With what the person kept.
  http::Response Remove(const RestCall& call);

  Person PersonOf(const RestCall& call);
  ViewerData::Loaded Load(const Person& person);
  absl::StatusOr<ViewerData::Written> Save(const Person& person, ViewerItem item);
  // `if_kept`, marked if PostgreSQL does not have it yet; a problem if it is not kept.
  http::Response Kept(const absl::StatusOr<ViewerData::Written>& written,
                      http::Response if_kept) const;
  http::Response Marked(http::Response response, bool degraded) const;

 private:
  http::Response AddOne(const RestCall& call);
  http::Response Write(const RestCall& call, const Profile& profile, int status);

  ViewerData& viewers_;
  IdempotentAnswers& answers_;
  Metrics& metrics_;
};

}  // namespace holdfast::middleware
