#include "libs/replica/stale_cache.h"

#include <algorithm>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "libs/base/status.h"
#include "libs/replica/record.h"
#include "libs/replica/snapshot_file.h"

namespace holdfast::replica {
namespace {

// Small caches stay in one piece, large ones hold some thousands of entries a shard.
constexpr std::size_t kEntriesPerShard = 8192;
constexpr std::size_t kMaxShards = 64;

std::size_t ShardsFor(std::size_t max_entries) {
  return std::clamp<std::size_t>(max_entries / kEntriesPerShard, 1, kMaxShards);
}

telemetry::Counter HitCounter(telemetry::Metrics& metrics, const std::string& cache,
                              std::string_view kind) {
  return metrics
      .CounterFamily("holdfast_cache_hits_total",
                     "Answers of a cache by kind: fresh, stale, miss; error: a fetch that failed.",
                     {"cache", "kind"})
      .With({cache, kind});
}

std::chrono::milliseconds Millis(Duration age) {
  return std::chrono::floor<std::chrono::milliseconds>(age);
}

}  // namespace

// One fetch and those who wait for it.
struct StaleCache::Flight {
  bool overtaken = false;  // Put or Forget came meanwhile; guarded by the shard's mutex
  bool suspect = false;    // SuspectAll came meanwhile; likewise
  absl::StatusOr<SharedBytes> result = absl::UnknownError("in flight");  // before `done`: fetcher's
  absl::Notification done;
};

// What is held for a key and what should happen to it.
struct StaleCache::Looked {
  Cached cached;               // null value: nothing that may be served
  bool wants_refresh = false;  // it is old, and nobody is at it
  bool must_fetch = true;      // too old to be served without trying
};

StaleCache::StaleCache(const StaleCacheOptions& options, const Clock& clock,
                       telemetry::Metrics& metrics, Fetch fetch, Submit submit)
    : options_(options),
      clock_(clock),
      fetch_(std::move(fetch)),
      submit_(std::move(submit)),
      fresh_hits_(HitCounter(metrics, options.name, "fresh")),
      stale_hits_(HitCounter(metrics, options.name, "stale")),
      misses_(HitCounter(metrics, options.name, "miss")),
      fetch_errors_(HitCounter(metrics, options.name, "error")),
      entry_count_(
          metrics.GaugeFamily("holdfast_cache_entries", "Entries held by a cache.", {"cache"})
              .With({options.name})),
      shard_count_(ShardsFor(options.max_entries)),
      shard_limit_(std::max<std::size_t>(options.max_entries / shard_count_, 1)),
      shards_(std::make_unique<Shard[]>(shard_count_)) {}

StaleCache::~StaleCache() = default;

StaleCache::Shard& StaleCache::ShardOf(std::string_view key) const {
  // The upper bits: the maps inside the shards use the lower ones.
  return shards_[(StringHash()(key) >> 40) % shard_count_];
}

StaleCache::Looked StaleCache::Look(Shard& shard, std::string_view key) {
  Entry* entry = Find(shard.entries, key);
  if (entry == nullptr) return {};
  const SteadyTime now = clock_.SteadyNow();
  const Duration age = std::max<Duration>(now - entry->stored_at, Duration::zero());
  if (age >= options_.give_up) {
    Erase(shard, key);
    return {};
  }
  shard.recency.splice(shard.recency.begin(), shard.recency, entry->recency);
  const bool stale = entry->suspect || age >= options_.soft_ttl;
  const bool may_fetch = now >= entry->no_fetch_before;
  Looked looked{.cached = {entry->value, Millis(age), stale},
                .wants_refresh = stale && may_fetch && !entry->refresh_submitted,
                .must_fetch = age >= options_.hard_ttl && may_fetch};
  return looked;
}

void StaleCache::Store(Shard& shard, std::string_view key, SharedBytes value, Duration age) {
  auto [it, inserted] = shard.entries.try_emplace(std::string(key));
  Entry& entry = it->second;
  if (inserted) {
    shard.recency.emplace_front(key);
    entry.recency = shard.recency.begin();
    entry_count_.Add(1);
  } else {
    shard.recency.splice(shard.recency.begin(), shard.recency, entry.recency);
  }
  entry.value = std::move(value);
  entry.stored_at = clock_.SteadyNow() - age;
  entry.no_fetch_before = SteadyTime::min();
  entry.suspect = false;
  if (shard.entries.size() > shard_limit_) Erase(shard, std::string(shard.recency.back()));
}

void StaleCache::Erase(Shard& shard, std::string_view key) {
  const auto it = shard.entries.find(key);
  if (it == shard.entries.end()) return;
  shard.recency.erase(it->second.recency);
  shard.entries.erase(it);
  entry_count_.Add(-1);
}

Cached StaleCache::Peek(std::string_view key) {
  Shard& shard = ShardOf(key);
  Looked looked;
  {
    absl::MutexLock lock(&shard.mutex);
    looked = Look(shard, key);
    if (looked.wants_refresh) Find(shard.entries, key)->refresh_submitted = true;
  }
  if (looked.wants_refresh) RefreshBehind(key);
  const Cached& cached = looked.cached;
  (cached.value == nullptr ? misses_ : cached.stale ? stale_hits_ : fresh_hits_).Add();
  return looked.cached;
}

absl::StatusOr<Cached> StaleCache::Get(std::string_view key, Deadline deadline) {
  Shard& shard = ShardOf(key);
  while (true) {
    Looked looked;
    std::shared_ptr<Flight> flight;
    bool ours = false;
    {
      absl::MutexLock lock(&shard.mutex);
      looked = Look(shard, key);
      if (looked.must_fetch) {
        std::shared_ptr<Flight>& slot = shard.flights[std::string(key)];
        ours = slot == nullptr;
        if (ours) slot = std::make_shared<Flight>();
        flight = slot;
      }
    }
    if (flight == nullptr) return Peek(key);

    absl::StatusOr<SharedBytes> fetched = FetchOrWait(shard, key, *flight, ours, deadline);
    // The other caller may have had less time than we have: look again.
    const bool was_its_deadline = !ours && absl::IsDeadlineExceeded(fetched.status());
    if (was_its_deadline && !deadline.Passed(clock_)) continue;

    misses_.Add();
    if (fetched.ok()) return Cached{.value = *std::move(fetched)};
    const bool old_will_do = looked.cached.value != nullptr && !absl::IsNotFound(fetched.status());
    if (old_will_do) return looked.cached;
    return fetched.status();
  }
}

absl::StatusOr<SharedBytes> StaleCache::FetchOrWait(Shard& shard, std::string_view key,
                                                    Flight& flight, bool ours, Deadline deadline) {
  if (ours) {
    RunFlight(shard, std::string(key), flight, deadline);
  } else if (!flight.done.WaitForNotificationWithTimeout(
                 absl::FromChrono(deadline.Remaining(clock_)))) {
    return DeadlineExceeded("{}: still being fetched for another caller", options_.name);
  }
  return flight.result;
}

void StaleCache::RunFlight(Shard& shard, const std::string& key, Flight& flight,
                           Deadline deadline) {
  absl::StatusOr<SharedBytes> result = fetch_(key, deadline);
  if (result.ok() && *result == nullptr) result = Internal("{}: fetched nothing", options_.name);

  absl::MutexLock lock(&shard.mutex);
  if (result.ok() && !flight.overtaken) {
    Store(shard, key, *result, Duration::zero());
    if (Entry* entry = Find(shard.entries, key)) entry->suspect = flight.suspect;
  } else if (absl::IsNotFound(result.status()) && !flight.overtaken) {
    Erase(shard, key);
  } else if (!result.ok()) {
    fetch_errors_.Add();
  }
  if (Entry* entry = Find(shard.entries, key)) {
    entry->refresh_submitted = false;
    if (!result.ok()) entry->no_fetch_before = clock_.SteadyNow() + options_.pause_after_error;
    if (flight.overtaken) result = entry->value;
  }
  flight.result = std::move(result);
  shard.flights.erase(key);
  flight.done.Notify();
}

void StaleCache::RefreshBehind(std::string_view key) {
  const bool accepted = submit_([this, key = std::string(key)] {
    Shard& shard = ShardOf(key);
    std::shared_ptr<Flight> flight;
    {
      absl::MutexLock lock(&shard.mutex);
      std::shared_ptr<Flight>& slot = shard.flights[key];
      if (slot == nullptr) {
        slot = std::make_shared<Flight>();
        flight = slot;
      } else if (Entry* entry = Find(shard.entries, key)) {
        entry->refresh_submitted = false;  // a caller of Get is at it already
      }
    }
    if (flight == nullptr) return;
    RunFlight(shard, key, *flight, Deadline::After(options_.refresh_timeout, clock_));
  });
  if (accepted) return;
  Shard& shard = ShardOf(key);
  absl::MutexLock lock(&shard.mutex);
  if (Entry* entry = Find(shard.entries, key)) entry->refresh_submitted = false;
}

void StaleCache::Put(std::string_view key, SharedBytes value) {
  if (value == nullptr) return Forget(key);
  Shard& shard = ShardOf(key);
  absl::MutexLock lock(&shard.mutex);
  if (const auto* flight = Find(shard.flights, key)) (*flight)->overtaken = true;
  Store(shard, key, std::move(value), Duration::zero());
}

void StaleCache::Forget(std::string_view key) {
  Shard& shard = ShardOf(key);
  absl::MutexLock lock(&shard.mutex);
  if (const auto* flight = Find(shard.flights, key)) (*flight)->overtaken = true;
  Erase(shard, key);
}

void StaleCache::SuspectAll() {
  for (std::size_t i = 0; i < shard_count_; ++i) {
    Shard& shard = shards_[i];
    absl::MutexLock lock(&shard.mutex);
    for (auto& [key, entry] : shard.entries) entry.suspect = true;
    for (auto& [key, flight] : shard.flights) flight->suspect = true;
  }
}

void StaleCache::Suspect(std::string_view key) {
  Shard& shard = ShardOf(key);
  absl::MutexLock lock(&shard.mutex);
  if (Entry* entry = Find(shard.entries, key)) entry->suspect = true;
}

SharedBytes StaleCache::Held(std::string_view key) const {
  Shard& shard = ShardOf(key);
  absl::MutexLock lock(&shard.mutex);
  const Entry* entry = Find(shard.entries, key);
  return entry == nullptr ? nullptr : entry->value;
}

void StaleCache::Update(std::string_view key, const Change& change) {
  Shard& shard = ShardOf(key);
  absl::MutexLock lock(&shard.mutex);
  const Entry* entry = Find(shard.entries, key);
  SharedBytes value = change(entry == nullptr ? nullptr : entry->value);
  if (value == nullptr) return;
  if (const auto* flight = Find(shard.flights, key)) (*flight)->overtaken = true;
  Store(shard, key, std::move(value), Duration::zero());
}

bool StaleCache::Exchange(std::string_view key, const SharedBytes& expected, SharedBytes value) {
  Shard& shard = ShardOf(key);
  absl::MutexLock lock(&shard.mutex);
  Entry* entry = Find(shard.entries, key);
  if (entry == nullptr || entry->value != expected) return false;
  if (value == nullptr) {
    Erase(shard, key);
  } else {
    entry->value = std::move(value);
  }
  return true;
}

std::size_t StaleCache::size() const {
  std::size_t total = 0;
  for (std::size_t i = 0; i < shard_count_; ++i) {
    absl::MutexLock lock(&shards_[i].mutex);
    total += shards_[i].entries.size();
  }
  return total;
}

// The file: time of writing, then per shard, most recently used first, key, value, age.
absl::Status StaleCache::SaveToDisk() {
  if (options_.file.empty()) return absl::OkStatus();
  struct Copy {
    std::string key;
    SharedBytes value;
    Duration age;
  };
  RecordWriter out;
  out.I64(EpochMillis(clock_.Now()));
  for (std::size_t i = 0; i < shard_count_; ++i) {
    std::vector<Copy> copies;
    {
      const SteadyTime now = clock_.SteadyNow();
      absl::MutexLock lock(&shards_[i].mutex);
      copies.reserve(shards_[i].entries.size());
      for (const std::string& key : shards_[i].recency) {
        const Entry& entry = shards_[i].entries.find(key)->second;
        copies.push_back({key, entry.value, now - entry.stored_at});
      }
    }
    for (const Copy& copy : copies) {
      out.Text(copy.key);
      out.Text(*copy.value);
      out.I64(std::max<std::int64_t>(Millis(copy.age).count(), 0));
    }
  }
  return WriteSnapshot(options_.file, out.bytes());
}

absl::Status StaleCache::LoadFromDisk() {
  if (options_.file.empty()) return NotFound("{} is not kept on disk", options_.name);
  return LoadFrom(options_.file);
}

absl::Status StaleCache::LoadFrom(const std::string& file) {
  struct Loaded {
    std::string_view key;
    std::string_view value;
    Duration age;
  };
  HOLDFAST_ASSIGN_OR_RETURN(const std::string bytes, ReadSnapshot(file));
  RecordReader in(bytes);
  // Time spent on disk counts; a clock that was set back meanwhile makes nothing younger.
  const std::int64_t saved_ms = in.I64();
  if (saved_ms < 0) return DataLoss("{}: not a cache", file);
  const std::int64_t on_disk_ms = std::max<std::int64_t>(EpochMillis(clock_.Now()) - saved_ms, 0);
  std::vector<Loaded> loaded;
  while (in.ok() && !in.Finished()) {
    Loaded entry{.key = in.Text(), .value = in.Text()};
    const std::int64_t age_ms = in.I64();
    const bool young = age_ms >= 0 && age_ms < options_.give_up.count() &&
                       on_disk_ms < options_.give_up.count() - age_ms;
    entry.age = std::chrono::milliseconds(young ? age_ms + on_disk_ms : 0);
    if (young) loaded.push_back(entry);
  }
  if (!in.Finished()) return DataLoss("{}: not a cache", file);

  for (auto entry = loaded.rbegin(); entry != loaded.rend(); ++entry) {
    Shard& shard = ShardOf(entry->key);
    absl::MutexLock lock(&shard.mutex);
    if (Find(shard.entries, entry->key) != nullptr) continue;  // pushed or fetched since the start
    Store(shard, entry->key, MakeShared(std::string(entry->value)), entry->age);
  }
  return absl::OkStatus();
}

}  // namespace holdfast::replica
