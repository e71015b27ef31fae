// What the portal does when a neighbour is away.
//
//   neighbour    call            deadline  retry   when it fails
//   billing      GetEntitlement  300 ms    once    last answer (up to a week past any news), then
//   the
//                                                  one in the token, then the default packages
//   billing      Authenticate    2 s       once    the login is refused with "try again"; boxes
//   that
//                                                  are logged in notice nothing
//   analytics    Ingest          1 s       once    reports wait on disk (bounded), then are counted
//                                                  as lost
//   cdn_routing  edges (watch)   -         -       last edge table, from memory or disk
//   epg          guide (watch)   -         -       last guide; channels without titles when none
//   analytics    popularity      -         -       lists in the order of channel numbers
//
// A fallback is an OK answer marked `X-Degraded`, counted in
// holdfast_middleware_degraded_answers_total{neighbour,call}. No call is made while a box waits for
// a zap, a list, a heartbeat or a guide page.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/clock.h"
#include "libs/base/random.h"
#include "libs/base/shared_bytes.h"
#include "libs/rpc/channel.h"
#include "services/middleware/domain/ids.h"

namespace holdfast::middleware {

// Who asks, so that a call can be made outside any request.
struct CallContext {
  const Clock& clock;
  Random& random;
};

// Thread-safe; blocks: worker threads and jobs only. `channel` must outlive it.
class Billing {
 public:
  Billing(rpc::Channel& channel, const CallContext& context)
      : channel_(channel), context_(context) {}

  // A serialized billing.v1.Entitlement: what the cache keeps. NOT_FOUND: no such account.
  absl::StatusOr<SharedBytes> GetEntitlement(const AccountId& account, Deadline deadline);

  // UNAUTHENTICATED: wrong login or password.
  absl::StatusOr<AccountId> Authenticate(const std::string& login, const std::string& password,
                                         Deadline deadline);

 private:
  rpc::Channel& channel_;
  const CallContext context_;
};

// Thread-safe; blocks: jobs only. `channel` must outlive it.
class Analytics {
 public:
  Analytics(rpc::Channel& channel, const CallContext& context)
      : channel_(channel), context_(context) {}

  // `batch` is a serialized analytics.v1.IngestRequest. May be repeated: events carry ids.
  absl::Status Ingest(const std::string& batch, Deadline deadline);

 private:
  rpc::Channel& channel_;
  const CallContext context_;
};

}  // namespace holdfast::middleware
