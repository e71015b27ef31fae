// Portal tokens: made here, and verified once per token, not once per request (an Ed25519 check
// costs more than all the rest of a zap).
#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "absl/synchronization/mutex.h"
#include "libs/base/clock.h"
#include "libs/base/string_map.h"
#include "libs/security/key_set.h"
#include "libs/security/token.h"
#include "libs/telemetry/metrics.h"
#include "services/middleware/domain/entitlement.h"
#include "services/middleware/domain/session.h"

namespace holdfast::middleware {

// What a good token of ours says.
struct Session {
  security::PortalClaims claims;
  SharedEntitlement entitlement;  // null: made before the account was known
};
using SharedSession = std::shared_ptr<const Session>;

struct ExaminedToken {
  OfferedToken token;     // its views live as long as `session`
  SharedSession session;  // null unless token.kind is kOurs
};

// Thread-safe. `keys` must outlive it.
class Sessions {
 public:
  struct Options {
    std::chrono::milliseconds token_lifetime = std::chrono::hours(24 * 365);
    std::size_t cached_tokens = 200'000;
  };

  Sessions(const security::KeySet& keys, const Options& options, telemetry::Metrics& metrics);

  ExaminedToken Examine(std::string_view token, WallTime now);

  // A token for this box. `device` and `entitlement` may be null: then it tells of no account.
  std::string Issue(const Mac& mac, const Device* device, const Entitlement* entitlement,
                    WallTime now) const;

  // Whether a box that offers this token should go on with it: a token that is past half its life,
  // or older than what is known of the account, is better replaced.
  bool WorthKeeping(const Session& session, const Device* device, const Entitlement* entitlement,
                    WallTime now) const;

 private:
  // The younger half of the cache takes new tokens; when it is full it becomes the older half and
  // the older half is forgotten. A token that is used moves to the younger half.
  struct Shard {
    absl::Mutex mutex;
    StringMap<SharedSession> younger ABSL_GUARDED_BY(mutex);
    StringMap<SharedSession> older ABSL_GUARDED_BY(mutex);
  };
  static constexpr std::size_t kShards = 16;

  SharedSession Cached(std::string_view token);
  void Remember(std::string_view token, SharedSession session);
  void PutYounger(Shard& shard, std::string_view token, SharedSession session)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex);

  const security::KeySet& keys_;
  const Options options_;
  std::array<Shard, kShards> shards_;
  telemetry::Counter verified_, refused_;
};

// A device as its token describes it: good enough to serve one that this instance has not heard of
// yet while the database is away. Null for a token of no account.
std::shared_ptr<const Device> DeviceInToken(const security::PortalClaims& claims);

// How a token that a client made up is remembered: never in clear.
std::string HashOfChosenToken(std::string_view token);

}  // namespace holdfast::middleware
