// What is rendered once and sent many times - whole bodies, plain and compressed, and pieces of
// them - up to so many bytes together; the least recently used go first.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "libs/base/string_map.h"
#include "libs/http/stored_body.h"
#include "libs/telemetry/metrics.h"
#include "services/middleware/gzip.h"

namespace holdfast::middleware {

struct Body {
  http::SharedBody plain;  // null: only the compressed form is kept
  http::SharedBody gzip;
  std::string tag;  // tells the content, the same on every instance; "" where nobody asks
};

std::size_t SizeOf(const Body& body);
std::size_t SizeOf(const GzipPart& part);

struct CacheOptions {
  std::string name;  // label of the metrics
  std::size_t max_bytes = 256 << 20;
};

// The metrics of all caches, whatever they hold.
struct CacheMetrics {
  CacheMetrics(const std::string& name, telemetry::Metrics& metrics);

  telemetry::Counter made;
  telemetry::Gauge bytes;
};

// Thread-safe. Find never blocks. GetOrMake runs `make` in the calling thread with no lock held;
// who wants the same key meanwhile waits for it, others do not. Never call it on an I/O thread.
template <class T>
class RenderedCache {
 public:
  using Shared = std::shared_ptr<const T>;
  using Options = CacheOptions;

  RenderedCache(const Options& options, telemetry::Metrics& metrics)
      : max_bytes_(options.max_bytes), metrics_(options.name, metrics) {}

  Shared Find(std::string_view key) {  // null if it is not there
    absl::MutexLock lock(&mutex_);
    return FindLocked(key);
  }

  Shared GetOrMake(std::string_view key, const std::function<T()>& make) {
    {
      absl::MutexLock lock(&mutex_);
      const auto nobody_makes_it = [&] { return !making_.contains(key); };
      mutex_.Await(absl::Condition(&nobody_makes_it));
      if (Shared found = FindLocked(key)) return found;
      making_.emplace(key);
    }
    auto made = std::make_shared<const T>(make());
    absl::MutexLock lock(&mutex_);
    making_.erase(making_.find(key));
    metrics_.made.Add();
    Put(key, made);
    return made;
  }

 private:
  struct Entry {
    Shared value;
    std::list<std::string>::iterator recency;
  };

  Shared FindLocked(std::string_view key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    Entry* entry = holdfast::Find(entries_, key);
    if (entry == nullptr) return nullptr;
    recency_.splice(recency_.begin(), recency_, entry->recency);
    return entry->value;
  }

  void Put(std::string_view key, Shared value) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    recency_.emplace_front(key);
    bytes_ += SizeOf(*value);
    entries_[recency_.front()] = {std::move(value), recency_.begin()};
    while (bytes_ > max_bytes_ && entries_.size() > 1) {
      const auto oldest = entries_.find(recency_.back());
      bytes_ -= SizeOf(*oldest->second.value);
      entries_.erase(oldest);
      recency_.pop_back();
    }
    metrics_.bytes.Set(static_cast<double>(bytes_));
  }

  const std::size_t max_bytes_;
  const CacheMetrics metrics_;

  absl::Mutex mutex_;
  StringMap<Entry> entries_ ABSL_GUARDED_BY(mutex_);
  StringSet making_ ABSL_GUARDED_BY(mutex_);
  std::list<std::string> recency_ ABSL_GUARDED_BY(mutex_);  // front: most recently used
  std::size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

using BodyCache = RenderedCache<Body>;

}  // namespace holdfast::middleware
