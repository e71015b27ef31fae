// Threads that can be told to stop, and that carry a name which `top -H` shows.
#pragma once

#include <pthread.h>

#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "libs/base/clock.h"

namespace holdfast::app {

// Set once, heard by any number of threads. Thread-safe.
class StopSignal {
 public:
  void Stop() {
    absl::MutexLock lock(&mutex_);
    stopped_ = true;
  }

  bool stopped() const {
    absl::MutexLock lock(&mutex_);
    return stopped_;
  }

  // Waits, at most that long. True: it is time to stop.
  bool WaitFor(Duration wait) const {
    absl::MutexLock lock(&mutex_);
    return mutex_.AwaitWithTimeout(absl::Condition(&stopped_), absl::FromChrono(wait));
  }

  void Wait() const {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(&stopped_));
  }

 private:
  mutable absl::Mutex mutex_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

// 15 characters of the name are kept.
inline std::thread StartThread(std::string_view name, std::function<void()> body) {
  std::thread thread(std::move(body));
  pthread_setname_np(thread.native_handle(), std::string(name.substr(0, 15)).c_str());
  return thread;
}

}  // namespace holdfast::app
