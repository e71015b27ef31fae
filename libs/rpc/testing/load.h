// Steady calls to "echo" while a test breaks things.
#pragma once

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "libs/rpc/testing/echo.h"

namespace holdfast::rpc {

class Load {
 public:
  // `threads` callers, each with one call every 20 ms or as fast as answers come.
  Load(EchoClient& client, std::string method, int threads = 4)
      : client_(client), method_(std::move(method)) {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
  }
  ~Load() { Stop(); }

  void Stop() {
    if (!stop_.HasBeenNotified()) stop_.Notify();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  int calls() const { return calls_; }
  int slow() const { return slow_; }  // took more than 100 ms
  std::vector<std::string> failures() const {
    absl::MutexLock lock(&mutex_);
    return failures_;
  }

 private:
  void Run() {
    while (!stop_.WaitForNotificationWithTimeout(absl::Milliseconds(20))) {
      const SteadyTime start = SystemClock::Get().SteadyNow();
      const auto answer = client_.Ask(method_, "x");
      ++calls_;
      if (SystemClock::Get().SteadyNow() - start > std::chrono::milliseconds(100)) ++slow_;
      if (answer.ok()) continue;
      absl::MutexLock lock(&mutex_);
      failures_.push_back(ToString(answer.status()));
    }
  }

  EchoClient& client_;
  const std::string method_;
  absl::Notification stop_;
  std::atomic<int> calls_ = 0;
  std::atomic<int> slow_ = 0;
  mutable absl::Mutex mutex_;
  std::vector<std::string> failures_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

}  // namespace holdfast::rpc
