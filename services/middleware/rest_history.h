// REST v1: what a viewer watched, where a viewer stopped, and messages from the operator. Shared by
// the household: boxes of the account see the same, unless a profile of a person is named. A write
// is acknowledged when the database has it, or when it is on local disk. Apps may say when they did
// it ("at", "sequence"): one that comes late changes nothing that is newer, and is answered with
// what is kept.
#pragma once

#include <string>

#include "services/middleware/event_board.h"
#include "services/middleware/rest_call.h"
#include "services/middleware/rest_idempotency.h"
#include "services/middleware/rest_profiles.h"
#include "services/middleware/viewer_data.h"

namespace holdfast::middleware {

// Thread-safe: no state of its own. Everything it is given outlives it. All of it blocks, but for
// messages.
class RestHistory {
 public:
  RestHistory(ViewerData& viewers, RestProfiles& profiles, IdempotentAnswers& answers,
              EventBoard& events)
      : viewers_(viewers), profiles_(profiles), answers_(answers), events_(events) {}

  http::Response ResumePoints(const RestCall& call);
  http::Response PutResumePoint(const RestCall& call);
  http::Response History(const RestCall& call);
  // With an Idempotency-Key the entry is written once, through whichever instance it comes.
  http::Response AddToHistory(const RestCall& call);

  // The message that goes first, and how many wait.
  http::Response Message(const RestCall& call);
  http::Response ConfirmMessage(const RestCall& call);

 private:
  http::Response AddEntry(const RestCall& call);
  EventBoard::Found FirstMessage(const RestCall& call);

  ViewerData& viewers_;
  RestProfiles& profiles_;
  IdempotentAnswers& answers_;
  EventBoard& events_;
};

}  // namespace holdfast::middleware
