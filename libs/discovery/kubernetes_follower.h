// Keeps the board's picture of one service equal to its EndpointSlices.
//
//              all pages                  time is over, connection lost: same revision
//   LISTING ---------------> WATCHING ------------------------------------------+
//      ^                       |   ^                                            |
//      |  410 Gone: the API    |   +--------------------------------------------+
//      +-----------------------+                     (after a jittered wait if it failed)
//         server remembers
//         no such revision
//
// A watch ends by itself after a while and is opened again on the same connection, which is how a
// hung API server is noticed.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "libs/base/random.h"
#include "libs/discovery/backoff.h"
#include "libs/discovery/endpoint_slice.h"
#include "libs/discovery/http_answer.h"
#include "libs/discovery/kubernetes_access.h"
#include "libs/discovery/set_board.h"

namespace holdfast::discovery {

struct KubernetesEnvironment {  // what followers borrow; outlives them
  const KubernetesAccess& access;
  SetBoard& board;
  Random& random;
  std::chrono::seconds watch_time;
};

// Used by one thread, which polls fd() and calls Work when it is ready or due() is over. Never
// blocks but for small local files.
class KubernetesFollower {
 public:
  KubernetesFollower(const KubernetesEnvironment& environment, std::string service);

  void Work(SteadyTime now);
  SteadyTime due() const { return due_; }
  int fd() const;  // -1: nothing to wait for
  short events() const;

 private:
  enum class Phase { kWaiting, kListing, kWatching };

  void Begin(SteadyTime now);
  void Ask(SteadyTime now);  // for what phase_ says
  std::string Query() const;
  absl::Status SendRequest();
  void Receive(SteadyTime now);
  absl::Status OnBytes(SteadyTime now, std::string_view bytes);
  absl::Status OnPage(SteadyTime now);
  absl::Status OnLines();
  absl::Status OnEvent(EndpointSliceEvent event, bool& changed);
  absl::Status OnWatchOver(SteadyTime now);
  absl::Status OnRefused();
  void ListAnew(std::string_view why);
  void Fail(SteadyTime now, const absl::Status& why);
  void Wait(SteadyTime now);
  void Offer();

  const KubernetesEnvironment kubernetes_;
  const std::string service_;
  Backoff backoff_;
  Phase phase_ = Phase::kWaiting;
  SteadyTime due_ = SteadyTime::min();  // end of the wait, or of our patience

  std::unique_ptr<HttpsConnection> connection_;
  bool reused_ = false;  // the connection has served an earlier request
  HttpAnswer answer_;

  std::string resource_version_ = "0";  // of what slices_ show; "0": any, "": the newest
  bool listed_ = false;
  EndpointSlices slices_;
  EndpointSlices listing_;  // pages so far
  std::string next_page_;
  std::string lines_;  // of the watch, not yet complete
  SteadyTime watch_began_;
  std::chrono::seconds watch_time_{1};  // what we asked for
  bool watch_told_something_ = false;
};

}  // namespace holdfast::discovery
