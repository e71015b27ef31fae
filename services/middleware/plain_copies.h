// Large bodies without compression, for the few who cannot unpack them: made of the compressed form
// when somebody asks, shared by all who read the same, gone with the last of them.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "libs/http/stored_body.h"

namespace holdfast::middleware {

// Thread-safe.
class PlainCopies {
 public:
  // So many different ones at once, those that are being made included.
  explicit PlainCopies(std::size_t max_copies) : max_copies_(max_copies) {}

  // Blocks while it is made, by whoever asked first. Null when too many different ones are being
  // read. `gzip` must be made by gzip.h.
  http::SharedBody Of(const http::SharedBody& gzip);

 private:
  struct Copy {
    http::SharedBody gzip;  // keeps its address from being used again
    std::weak_ptr<const http::StoredBody> plain;
    bool making = true;
  };
  Copy* FindCopy(const http::SharedBody& gzip) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::size_t max_copies_;
  absl::Mutex mutex_;  // not held while a copy is made
  std::vector<Copy> copies_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace holdfast::middleware
