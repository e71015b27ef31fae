// The entitlements that this instance knows: asked for, pushed by the feed, kept on disk. With the
// database away the last known ones are the answer.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "holdfast/billing/v1/billing.pb.h"
#include "libs/base/worker_pool.h"
#include "libs/replica/stale_cache.h"
#include "libs/security/key_folder.h"
#include "services/billing/metrics.h"
#include "services/billing/store.h"

namespace holdfast::billing {

// Thread-safe. Get and Refresh block up to the deadline: worker threads only.
class Entitlements {
 public:
  struct Dependencies {  // all must outlive it
    Store& store;
    Metrics& metrics;
    WorkerPool& workers;
    const Clock& clock;
    telemetry::Metrics& registry;
    TimeZone zone = {};                         // where the operator's days begin
    const security::KeyFolder* keys = nullptr;  // that sign; null, or without a key: none does
  };
  // `file`: the copy on disk; empty: none.
  Entitlements(const Dependencies& dependencies, const std::string& file);

  // NOT_FOUND: no such account.
  absl::StatusOr<v1::Entitlement> Get(const AccountId& account, Deadline deadline);

  // After a change made here: the next Get sees it. When it cannot be read now, the feed brings it.
  void Refresh(const AccountId& account, Deadline deadline);

  void Put(const AccountId& account, SharedBytes serialized);

  // What is told of such an account now: signed here, once, and then kept and sent as it is. What
  // is read from disk keeps the signature that it has, also when the key has changed since: only
  // what the database says is signed.
  SharedBytes SnapshotOf(const Facts& facts) const;

  const TimeZone& zone() const { return zone_; }
  bool empty() const { return cache_.size() == 0; }
  absl::Status SaveToDisk() { return cache_.SaveToDisk(); }

 private:
  absl::StatusOr<SharedBytes> Fetch(std::string_view account, Deadline deadline) const;

  Store& store_;
  Metrics& metrics_;
  const TimeZone zone_;
  const security::KeyFolder* const keys_;
  replica::StaleCache cache_;
};

}  // namespace holdfast::billing
