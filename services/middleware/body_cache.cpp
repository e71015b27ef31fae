#include "services/middleware/body_cache.h"

#include <utility>

namespace holdfast::middleware {
namespace {

std::size_t SizeOf(const Body& body) {
  return (body.plain == nullptr ? 0 : body.plain->size()) +
         (body.gzip == nullptr ? 0 : body.gzip->size());
}

}  // namespace

BodyCache::BodyCache(const Options& options, telemetry::Metrics& metrics)
    : options_(options),
      made_(metrics
                .CounterFamily("holdfast_middleware_bodies_made_total",
                               "Lists and guide blocks that had to be rendered.", {"cache"})
                .With({options.name})),
      bytes_gauge_(metrics
                       .GaugeFamily("holdfast_middleware_body_cache_bytes",
                                    "Rendered lists and guide blocks held in memory.", {"cache"})
                       .With({options.name})) {}

std::shared_ptr<const Body> BodyCache::Find(std::string_view key) {
  absl::MutexLock lock(&mutex_);
  Entry* entry = holdfast::Find(entries_, key);
  if (entry == nullptr) return nullptr;
  recency_.splice(recency_.begin(), recency_, entry->recency);
  return entry->body;
}

std::shared_ptr<const Body> BodyCache::GetOrMake(std::string_view key,
                                                 const std::function<Body()>& make) {
  if (auto found = Find(key)) return found;
  absl::MutexLock making(&making_);
  if (auto found = Find(key)) return found;  // somebody was faster
  auto body = std::make_shared<const Body>(make());
  made_.Add();
  Put(key, body);
  return body;
}

void BodyCache::Put(std::string_view key, std::shared_ptr<const Body> body) {
  absl::MutexLock lock(&mutex_);
  recency_.emplace_front(key);
  bytes_ += SizeOf(*body);
  entries_[recency_.front()] = {std::move(body), recency_.begin()};
  while (bytes_ > options_.max_bytes && entries_.size() > 1) {
    const auto oldest = entries_.find(recency_.back());
    bytes_ -= SizeOf(*oldest->second.body);
    entries_.erase(oldest);
    recency_.pop_back();
  }
  bytes_gauge_.Set(static_cast<double>(bytes_));
}

}  // namespace holdfast::middleware
