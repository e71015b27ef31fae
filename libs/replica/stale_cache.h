// Answers for what is too much to replicate whole: one value per key, fetched when needed, kept
// long after it went stale, because an old answer beats none.
//
//   fresh (age < soft_ttl)         served
//   stale (soft_ttl .. hard_ttl)   served at once, refreshed behind the caller's back
//   older than hard_ttl            fetched; served only if the fetch fails and age < give_up
//   absent                         fetched; concurrent callers share one fetch
//
// Fed from two sides: Get() fetches, Put() takes what the producer pushed (see kFeed).
#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "libs/base/clock.h"
#include "libs/base/deadline.h"
#include "libs/base/shared_bytes.h"
#include "libs/base/string_map.h"
#include "libs/telemetry/metrics.h"

namespace holdfast::replica {

struct StaleCacheOptions {
  std::string name;  // label of the metrics
  std::chrono::milliseconds soft_ttl = std::chrono::seconds(60);
  std::chrono::milliseconds hard_ttl = std::chrono::minutes(10);
  std::chrono::milliseconds give_up = std::chrono::hours(24 * 7);
  std::size_t max_entries = 1'000'000;  // least recently used go first
  std::string file;                     // copy on disk; empty: none
  std::chrono::milliseconds refresh_timeout = std::chrono::seconds(5);  // of one in the background
  // After a failed fetch the next one for that key waits this long, if something old can be served.
  std::chrono::milliseconds pause_after_error = std::chrono::seconds(1);
};

// A value with its age. `value` is null only from Peek when nothing is known.
struct Cached {
  SharedBytes value;
  std::chrono::milliseconds age{0};
  bool stale = false;  // older than soft_ttl, or suspect
};

// Thread-safe. Peek and Put never block; Get blocks its thread in `fetch` (its own or that of
// another caller) at most until the deadline, so use it on workers. Must outlive the jobs given to
// `submit`. Ages are measured by the steady clock: a machine whose clock jumps loses nothing.
//
// The entries are spread over shards by key, so that neither callers on several cores nor
// SaveToDisk wait long for each other; "least recently used" is exact within a shard.
class StaleCache {
 public:
  using Fetch = std::function<absl::StatusOr<SharedBytes>(std::string_view key, Deadline deadline)>;
  // Runs a refresh in the background, e.g. on a WorkerPool. False: not now.
  using Submit = std::function<bool(std::function<void()>)>;

  StaleCache(const StaleCacheOptions& options, const Clock& clock, telemetry::Metrics& metrics,
             Fetch fetch, Submit submit);
  ~StaleCache();

  // What is held, however old (up to give_up). A stale entry is refreshed in the background.
  Cached Peek(std::string_view key);

  // NOT_FOUND from `fetch` is passed on and forgets the entry; other errors are answered only when
  // nothing younger than give_up is held. What Put brought during a fetch beats what was fetched.
  absl::StatusOr<Cached> Get(std::string_view key, Deadline deadline);

  void Put(std::string_view key, SharedBytes value);
  void Forget(std::string_view key);
  void SuspectAll();  // every entry counts as stale from now on
  void Suspect(std::string_view key);

  // For values that are judged after they came. None of these is a use: no counter, no refresh.
  SharedBytes Held(std::string_view key) const;  // null: nothing
  // Puts what `change` makes of what is held (null: nothing). Null from it: all stays as it is.
  // It runs under a lock: it must be quick and not use the cache.
  using Change = std::function<SharedBytes(const SharedBytes& held)>;
  void Update(std::string_view key, const Change& change);
  // If `expected` is still held, `value` takes its place with its age; null: forgets it.
  bool Exchange(std::string_view key, const SharedBytes& expected, SharedBytes value);

  std::size_t size() const;
  absl::Status LoadFromDisk();                     // entries keep their age
  absl::Status LoadFrom(const std::string& file);  // likewise, a copy in another place
  absl::Status SaveToDisk();                       // blocks; for a background job

 private:
  struct Flight;
  struct Entry {
    SharedBytes value;
    SteadyTime stored_at;
    SteadyTime no_fetch_before = SteadyTime::min();
    bool suspect = false;
    bool refresh_submitted = false;
    std::list<std::string>::iterator recency;
  };
  struct Shard {
    mutable absl::Mutex mutex;
    StringMap<Entry> entries ABSL_GUARDED_BY(mutex);
    std::list<std::string> recency ABSL_GUARDED_BY(mutex);  // front: most recently used
    StringMap<std::shared_ptr<Flight>> flights ABSL_GUARDED_BY(mutex);
  };
  struct Looked;

  Shard& ShardOf(std::string_view key) const;
  Looked Look(Shard& shard, std::string_view key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex);
  void Store(Shard& shard, std::string_view key, SharedBytes value, Duration age)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex);
  void Erase(Shard& shard, std::string_view key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex);

  void RefreshBehind(std::string_view key);
  void RunFlight(Shard& shard, const std::string& key, Flight& flight, Deadline deadline);
  // Runs the flight if it is ours, otherwise waits for whose it is.
  absl::StatusOr<SharedBytes> FetchOrWait(Shard& shard, std::string_view key, Flight& flight,
                                          bool ours, Deadline deadline);

  const StaleCacheOptions options_;
  const Clock& clock_;
  const Fetch fetch_;
  const Submit submit_;
  telemetry::Counter fresh_hits_, stale_hits_, misses_, fetch_errors_;
  telemetry::Gauge entry_count_;
  const std::size_t shard_count_;
  const std::size_t shard_limit_;  // entries of one shard
  const std::unique_ptr<Shard[]> shards_;
};

}  // namespace holdfast::replica
