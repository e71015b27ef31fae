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
};

// A value with its age. `value` is null only from Peek when nothing is known.
struct Cached {
  SharedBytes value;
  std::chrono::milliseconds age{0};
  bool stale = false;  // older than soft_ttl, or suspect
};

// Thread-safe. Peek and Put never block; Get blocks its thread in `fetch` at most until the
// deadline, so use it on workers.
class StaleCache {
 public:
  using Fetch = std::function<absl::StatusOr<SharedBytes>(std::string_view key, Deadline deadline)>;
  // Runs a refresh in the background, e.g. on a WorkerPool. False: not now.
  using Submit = std::function<bool(std::function<void()>)>;

  StaleCache(const StaleCacheOptions& options, const Clock& clock, telemetry::Metrics& metrics,
             Fetch fetch, Submit submit);

  // What is held, however old (up to give_up). A stale entry is refreshed in the background.
  Cached Peek(std::string_view key);

  // NOT_FOUND from `fetch` is passed on and forgets the entry; other errors are answered only when
  // nothing younger than give_up is held.
  absl::StatusOr<Cached> Get(std::string_view key, Deadline deadline);

  void Put(std::string_view key, SharedBytes value);
  void Forget(std::string_view key);
  void SuspectAll();  // every entry counts as stale from now on

  std::size_t size() const;
  absl::Status LoadFromDisk();  // entries keep their age
  absl::Status SaveToDisk();    // blocks; for a background job

 private:
  struct Entry {
    SharedBytes value;
    WallTime stored_at;
    bool suspect = false;
    bool refreshing = false;
    std::list<std::string>::iterator recency;
  };
  struct Flight;

  const StaleCacheOptions options_;
  const Clock& clock_;
  const Fetch fetch_;
  const Submit submit_;
  telemetry::Counter hits_, stale_hits_, misses_, fetch_errors_;

  mutable absl::Mutex mutex_;
  StringMap<Entry> entries_ ABSL_GUARDED_BY(mutex_);
  std::list<std::string> recency_ ABSL_GUARDED_BY(mutex_);  // front: most recently used
  StringMap<std::shared_ptr<Flight>> flights_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace holdfast::replica
