// Bodies that are made once and sent many times, plain and compressed, up to so many bytes
// together; the least recently used go first.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "absl/synchronization/mutex.h"
#include "libs/base/string_map.h"
#include "libs/http/stored_body.h"
#include "libs/telemetry/metrics.h"

namespace holdfast::middleware {

struct Body {
  http::SharedBody plain;  // null: only the compressed form is kept
  http::SharedBody gzip;
  std::string tag;  // tells the content, the same on every instance; "" where nobody asks
};

// Thread-safe. Find never blocks; GetOrMake runs `make` in the calling thread, one at a time: what
// many boxes want at once is made once.
class BodyCache {
 public:
  struct Options {
    std::string name;  // label of the metrics
    std::size_t max_bytes = 256 << 20;
  };

  BodyCache(const Options& options, telemetry::Metrics& metrics);

  std::shared_ptr<const Body> Find(std::string_view key);  // null if it is not there
  std::shared_ptr<const Body> GetOrMake(std::string_view key, const std::function<Body()>& make);

 private:
  struct Entry {
    std::shared_ptr<const Body> body;
    std::list<std::string>::iterator recency;
  };
  void Put(std::string_view key, std::shared_ptr<const Body> body);

  const Options options_;
  telemetry::Counter made_;
  telemetry::Gauge bytes_gauge_;

  absl::Mutex making_;  // held while a body is made; never taken on an I/O thread
  absl::Mutex mutex_;
  StringMap<Entry> entries_ ABSL_GUARDED_BY(mutex_);
  std::list<std::string> recency_ ABSL_GUARDED_BY(mutex_);  // front: most recently used
  std::size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace holdfast::middleware
