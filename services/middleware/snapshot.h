// A value that is replaced as a whole and read by every request.
#pragma once

#include <memory>
#include <utility>

#include "absl/synchronization/mutex.h"

namespace holdfast::middleware {

// Thread-safe. Readers keep the value they got for as long as they like.
template <class T>
class Snapshot {
 public:
  explicit Snapshot(std::shared_ptr<const T> initial) : value_(std::move(initial)) {}

  std::shared_ptr<const T> Get() const {
    absl::ReaderMutexLock lock(&mutex_);
    return value_;
  }
  void Set(std::shared_ptr<const T> value) {
    absl::MutexLock lock(&mutex_);
    value_.swap(value);  // the old one is destroyed outside the lock, by its last reader or here
  }

 private:
  mutable absl::Mutex mutex_;
  std::shared_ptr<const T> value_ ABSL_GUARDED_BY(mutex_);  // never null
};

}  // namespace holdfast::middleware
