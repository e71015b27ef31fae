// SIGTERM and SIGINT as function calls on a thread of our own.
#pragma once

#include <functional>
#include <thread>

namespace holdfast::app {

// Make it before any other thread, so that all threads leave the signals to it. The first signal
// calls `on_stop`; the second ends the process at once with code 1. SIGPIPE is ignored from now on.
class SignalWatcher {
 public:
  explicit SignalWatcher(std::function<void()> on_stop);
  ~SignalWatcher();
  SignalWatcher(const SignalWatcher&) = delete;
  SignalWatcher& operator=(const SignalWatcher&) = delete;

 private:
  void Run();

  const std::function<void()> on_stop_;
  int signal_fd_ = -1;
  int wake_fd_ = -1;
  std::thread thread_;
};

}  // namespace holdfast::app
