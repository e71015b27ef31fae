// Who an app is. Apps of the Xtream family, and players of playlists, send login and password with
// every request; billing's check of a password is slow on purpose. So:
//
//   Find    what this instance knows, from memory; counts guesses before anybody is asked
//   LogIn   asks billing, once for all who wait for the same; what it confirmed is remembered here,
//           on disk, and through the database by every other instance
//   CheckAgain  asks again behind the back of an app that was let in: a changed password ends the
//           old one; no answer changes nothing
//
// A confirmed login is honoured for days while billing is away. What is kept is a keyed hash of
// login and password together (HMAC-SHA256, the key derived from the key set of portal tokens,
// which is never in the database): of no use without the key, and no login can be read from it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "libs/base/clock.h"
#include "libs/base/deadline.h"
#include "libs/base/worker_pool.h"
#include "libs/security/hmac.h"
#include "libs/security/key_set.h"
#include "libs/telemetry/metrics.h"
#include "services/middleware/app_login_table.h"
#include "services/middleware/attempt_limiter.h"

namespace holdfast::middleware {

// Never put into a log line, a metric or an error.
struct Credentials {
  std::string login;
  std::string password;
};

// Thread-safe. Find never blocks; LogIn and the jobs do. `keys` and `store` must outlive it, and it
// must outlive the jobs of `workers`.
class AppLogins {
 public:
  // UNAUTHENTICATED, PERMISSION_DENIED, NOT_FOUND, INVALID_ARGUMENT: no. Other errors: unknown.
  using Ask = std::function<absl::StatusOr<AccountId>(const Credentials&, Deadline)>;

  struct Options {
    std::string file;
    std::chrono::seconds check_again_after = std::chrono::hours(6);
    std::chrono::seconds honour_for = std::chrono::hours(24 * 7);
    int asking_at_once = 4;  // the other workers are for lists
  };

  AppLogins(const Options& options, Ask ask, AppLoginStore& store, const security::KeySet& keys,
            WorkerPool& workers, telemetry::Metrics& metrics, const Clock& clock);

  enum class Standing {
    kKnown,            // `login` is set
    kWrong,            // refused lately
    kTooManyAttempts,  // of this login or from this address
    kAsk,              // LogIn can tell
  };
  struct Found {
    Standing standing = Standing::kWrong;
    SharedAppLogin login;
  };
  Found Find(const Credentials& credentials, std::string_view address);

  // UNAUTHENTICATED: wrong. RESOURCE_EXHAUSTED, UNAVAILABLE, DEADLINE_EXCEEDED: nobody could tell.
  absl::StatusOr<SharedAppLogin> LogIn(const Credentials& credentials, Deadline deadline);

  // Billing says that the account is closed.
  void Refuse(const AccountId& account);

  void LoadFromDisk();
  absl::Status SaveToDisk() { return table_.SaveToDisk(); }
  // Stores what this instance learnt and reads what others did.
  absl::Status Sync(Deadline deadline);

  std::string TagOf(const Credentials& credentials) const;  // by the newest key
  AppLoginTable& table() { return table_; }

 private:
  using Flight = std::pair<absl::Notification, absl::StatusOr<SharedAppLogin>>;
  struct HashKey {
    std::string id;
    security::HmacKey key;
  };

  SharedAppLogin FindByTags(const Credentials& credentials) const;
  bool ExpiredOrRefused(const AppLogin& login) const;
  void CheckAgainIfDue(const SharedAppLogin& login, const Credentials& credentials);
  void CheckAgain(const SharedAppLogin& login, const Credentials& credentials);
  absl::StatusOr<SharedAppLogin> AskBilling(const Credentials& credentials, const std::string& tag,
                                            Deadline deadline);
  void NoticeKeys();
  void RememberWrong(const std::string& tag);
  bool IsRememberedWrong(std::string_view tag);

  const Options options_;
  const Ask ask_;
  AppLoginStore& store_;
  const security::KeySet& keys_;
  WorkerPool& workers_;
  const Clock& clock_;
  AppLoginTable table_;
  AttemptLimiter attempts_by_login_;
  AttemptLimiter attempts_by_address_;
  telemetry::CounterFamily results_;
  telemetry::Gauge held_;

  mutable absl::Mutex mutex_;
  std::vector<HashKey> hash_keys_ ABSL_GUARDED_BY(mutex_);  // the first makes new tags
  StringMap<SteadyTime> wrong_ ABSL_GUARDED_BY(mutex_);     // tags, and until when
  StringMap<SteadyTime> checked_ ABSL_GUARDED_BY(mutex_);   // accounts, and when last tried
  StringMap<std::shared_ptr<Flight>> flights_ ABSL_GUARDED_BY(mutex_);
  int asking_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace holdfast::middleware
