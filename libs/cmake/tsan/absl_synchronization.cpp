// absl::Mutex, CondVar and Notification on pthreads, for the tsan preset only.
//
// Debian's Abseil is not instrumented and locks by futex, so ThreadSanitizer sees none of its locks
// and reports nearly every access that they guard. This file is linked into every program of the
// preset. Its definitions come before those of libabsl_synchronization.so in the dynamic linker's
// order, so gRPC's use of absl::Mutex goes through them as well; pthread calls are what
// ThreadSanitizer understands.
//
// The object behind a Mutex is made at its first use and its address kept in the one word that the
// class has. A Condition is evaluated by the thread that waits for it, with the mutex held; Abseil
// would evaluate it in the thread that unlocks, which is the same to a program.

#include <pthread.h>
#include <time.h>

#include <cerrno>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"

namespace {

// What is found behind the word of a Mutex or CondVar.
struct Event {
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

  ~Event() {
    pthread_cond_destroy(&changed);
    pthread_mutex_destroy(&mutex);
  }
  void Enter() { pthread_mutex_lock(&mutex); }
  void Leave() { pthread_mutex_unlock(&mutex); }
  void Wait() { pthread_cond_wait(&changed, &mutex); }
  // False: the time is over.
  bool WaitUntil(absl::Time time) { return WaitUntil(time, changed); }
  bool WaitUntil(absl::Time time, pthread_cond_t& event) {
    if (time == absl::InfiniteFuture()) {
      pthread_cond_wait(&event, &mutex);
      return true;
    }
    const timespec until = absl::ToTimespec(time);
    return pthread_cond_timedwait(&event, &mutex, &until) != ETIMEDOUT;
  }
};

struct Lock : Event {
  bool written = false;
  int readers = 0;
  // Conditions are looked at again after each release of somebody who may have changed something.
  unsigned changes = 0;
  pthread_cond_t changed_something = PTHREAD_COND_INITIALIZER;

  ~Lock() { pthread_cond_destroy(&changed_something); }

  void Acquire(bool exclusive) {
    while (written || (exclusive && readers > 0)) Wait();
    if (exclusive) {
      written = true;
    } else {
      ++readers;
    }
  }
  void Release(bool may_have_changed) {
    if (written) {
      written = false;
    } else {
      --readers;
    }
    pthread_cond_broadcast(&changed);
    if (!may_have_changed) return;
    ++changes;
    pthread_cond_broadcast(&changed_something);
  }
};

struct Signals : Event {
  unsigned waiting = 0;
  unsigned given = 0;       // signals that no waiter has taken yet
  unsigned generation = 0;  // a waiter takes signals given after it came only
};

template <class T>
T& Behind(std::atomic<std::intptr_t>& word) {
  std::intptr_t value = word.load(std::memory_order_acquire);
  if (value == 0) {
    T* made = new T;
    if (word.compare_exchange_strong(value, reinterpret_cast<std::intptr_t>(made),
                                     std::memory_order_acq_rel)) {
      return *made;
    }
    delete made;
  }
  return *reinterpret_cast<T*>(value);
}

template <class T>
void Delete(std::atomic<std::intptr_t>& word) {
  delete reinterpret_cast<T*>(word.exchange(0, std::memory_order_acq_rel));
}

bool TryAcquire(Lock& lock, bool exclusive) {
  lock.Enter();
  const bool free = !lock.written && (!exclusive || lock.readers == 0);
  if (free) lock.Acquire(exclusive);
  lock.Leave();
  return free;
}

void Acquire(Lock& lock, bool exclusive) {
  lock.Enter();
  lock.Acquire(exclusive);
  lock.Leave();
}

void Release(Lock& lock) {
  lock.Enter();
  lock.Release(/*may_have_changed=*/true);
  lock.Leave();
}

// The lock is held on entry and on return.
bool AwaitUntil(Lock& lock, const absl::Condition& condition, absl::Time deadline) {
  bool in_time = true;
  // Whoever only looked at its condition changed nothing: else two waiters wake each other for ever.
  bool may_have_changed = true;
  while (!condition.Eval() && in_time) {
    lock.Enter();
    const bool exclusive = lock.written;
    lock.Release(may_have_changed);
    may_have_changed = false;
    const unsigned seen = lock.changes;
    while (in_time && lock.changes == seen) {
      in_time = lock.WaitUntil(deadline, lock.changed_something);
    }
    lock.Acquire(exclusive);
    lock.Leave();
  }
  return in_time || condition.Eval();
}

absl::Time After(absl::Duration timeout) { return absl::Now() + timeout; }

}  // namespace

namespace absl {
ABSL_NAMESPACE_BEGIN

Mutex::~Mutex() { Delete<::Lock>(mu_); }

void Mutex::Lock() { Acquire(Behind<::Lock>(mu_), true); }
void Mutex::Unlock() { Release(Behind<::Lock>(mu_)); }
bool Mutex::TryLock() { return TryAcquire(Behind<::Lock>(mu_), true); }
void Mutex::ReaderLock() { Acquire(Behind<::Lock>(mu_), false); }
void Mutex::ReaderUnlock() { Release(Behind<::Lock>(mu_)); }
bool Mutex::ReaderTryLock() { return TryAcquire(Behind<::Lock>(mu_), false); }

void Mutex::AssertHeld() const {}
void Mutex::AssertReaderHeld() const {}
void Mutex::AssertNotHeld() const {}
void Mutex::ForgetDeadlockInfo() {}
void Mutex::EnableDebugLog(const char*) {}
void Mutex::EnableInvariantDebugging(void (*)(void*), void*) {}

void Mutex::Await(const Condition& condition) {
  AwaitUntil(Behind<::Lock>(mu_), condition, InfiniteFuture());
}
bool Mutex::AwaitWithTimeout(const Condition& condition, Duration timeout) {
  return AwaitUntil(Behind<::Lock>(mu_), condition, After(timeout));
}
bool Mutex::AwaitWithDeadline(const Condition& condition, Time deadline) {
  return AwaitUntil(Behind<::Lock>(mu_), condition, deadline);
}

void Mutex::LockWhen(const Condition& condition) {
  Lock();
  Await(condition);
}
bool Mutex::LockWhenWithTimeout(const Condition& condition, Duration timeout) {
  Lock();
  return AwaitWithTimeout(condition, timeout);
}
bool Mutex::LockWhenWithDeadline(const Condition& condition, Time deadline) {
  Lock();
  return AwaitWithDeadline(condition, deadline);
}
void Mutex::ReaderLockWhen(const Condition& condition) {
  ReaderLock();
  Await(condition);
}
bool Mutex::ReaderLockWhenWithTimeout(const Condition& condition, Duration timeout) {
  ReaderLock();
  return AwaitWithTimeout(condition, timeout);
}
bool Mutex::ReaderLockWhenWithDeadline(const Condition& condition, Time deadline) {
  ReaderLock();
  return AwaitWithDeadline(condition, deadline);
}

CondVar::~CondVar() { Delete<Signals>(cv_); }

void CondVar::Wait(Mutex* mutex) { WaitWithDeadline(mutex, InfiniteFuture()); }

bool CondVar::WaitWithTimeout(Mutex* mutex, Duration timeout) {
  return WaitWithDeadline(mutex, After(timeout));
}

bool CondVar::WaitWithDeadline(Mutex* mutex, Time deadline) {
  Signals& signals = Behind<Signals>(cv_);
  Lock& lock = Behind<::Lock>(mutex->mu_);
  signals.Enter();
  const unsigned came_at = signals.generation;
  ++signals.waiting;
  lock.Enter();
  const bool exclusive = lock.written;
  lock.Release(/*may_have_changed=*/true);
  lock.Leave();
  bool in_time = true;
  const auto may_go = [&] { return signals.given > 0 && signals.generation != came_at; };
  while (in_time && !may_go()) in_time = signals.WaitUntil(deadline);
  const bool signalled = may_go();
  if (signalled) --signals.given;
  --signals.waiting;
  signals.Leave();
  Acquire(lock, exclusive);
  return !signalled;
}

void CondVar::Signal() {
  Signals& signals = Behind<Signals>(cv_);
  signals.Enter();
  if (signals.given < signals.waiting) {
    ++signals.given;
    ++signals.generation;
    pthread_cond_broadcast(&signals.changed);
  }
  signals.Leave();
}

void CondVar::SignalAll() {
  Signals& signals = Behind<Signals>(cv_);
  signals.Enter();
  signals.given = signals.waiting;
  ++signals.generation;
  pthread_cond_broadcast(&signals.changed);
  signals.Leave();
}

void CondVar::EnableDebugLog(const char*) {}

Notification::~Notification() { MutexLock lock(&mutex_); }

void Notification::Notify() {
  MutexLock lock(&mutex_);
  notified_yet_.store(true, std::memory_order_release);
}

void Notification::WaitForNotification() const {
  MutexLock lock(&mutex_, Condition(&HasBeenNotifiedInternal, &notified_yet_));
}

bool Notification::WaitForNotificationWithTimeout(Duration timeout) const {
  return WaitForNotificationWithDeadline(After(timeout));
}

bool Notification::WaitForNotificationWithDeadline(Time deadline) const {
  MutexLock lock(&mutex_);
  return mutex_.AwaitWithDeadline(Condition(&HasBeenNotifiedInternal, &notified_yet_), deadline);
}

ABSL_NAMESPACE_END
}  // namespace absl
