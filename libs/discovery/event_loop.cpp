#include "libs/discovery/event_loop.h"

#include <pthread.h>

#include <utility>

#include "absl/time/time.h"

namespace holdfast::discovery {

EventLoop::EventLoop(const std::string& thread_name) : thread_([this] { Run(); }) {
  pthread_setname_np(thread_.native_handle(), thread_name.substr(0, 15).c_str());
}

EventLoop::~EventLoop() { Stop(); }

void EventLoop::Post(Function function) {
  absl::MutexLock lock(&mutex_);
  if (stopping_) return;
  ready_.push_back(std::move(function));
  wake_.Signal();
}

void EventLoop::PostAfter(Duration wait, Function function) {
  absl::MutexLock lock(&mutex_);
  if (stopping_) return;
  later_.emplace(SystemClock::Get().SteadyNow() + wait, std::move(function));
  wake_.Signal();
}

void EventLoop::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    wake_.Signal();
  }
  if (thread_.joinable()) thread_.join();
  // What functions hold may call back into Post when it dies: not under the lock.
  std::deque<Function> ready;
  std::multimap<SteadyTime, Function> later;
  absl::MutexLock lock(&mutex_);
  ready.swap(ready_);
  later.swap(later_);
}

void EventLoop::Run() {
  while (true) {
    Function next;
    {
      absl::MutexLock lock(&mutex_);
      while (!stopping_ && next == nullptr) {
        const SteadyTime now = SystemClock::Get().SteadyNow();
        if (!later_.empty() && later_.begin()->first <= now) {
          next = std::move(later_.begin()->second);
          later_.erase(later_.begin());
        } else if (!ready_.empty()) {
          next = std::move(ready_.front());
          ready_.pop_front();
        } else if (later_.empty()) {
          wake_.Wait(&mutex_);
        } else {
          wake_.WaitWithTimeout(&mutex_, absl::FromChrono(later_.begin()->first - now));
        }
      }
      if (stopping_) return;
    }
    next();
  }
}

}  // namespace holdfast::discovery
