// One thread that runs functions in the order they were posted, and others at their time.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "libs/base/clock.h"

namespace holdfast::discovery {

// Thread-safe. Functions run on the loop's thread, one at a time, and must not block for long.
class EventLoop {
 public:
  using Function = std::function<void()>;

  explicit EventLoop(const std::string& thread_name);  // 15 characters count
  ~EventLoop();                                        // Stop()
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  void Post(Function function);
  void PostAfter(Duration wait, Function function);

  // Returns when the running function has; what has not run by then never will, nor what is posted
  // later. Not from the loop's own thread.
  void Stop();

 private:
  void Run();

  absl::Mutex mutex_;
  absl::CondVar wake_;
  std::deque<Function> ready_ ABSL_GUARDED_BY(mutex_);
  std::multimap<SteadyTime, Function> later_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace holdfast::discovery
