// Wakes calls at a time of theirs without a timer for each: somebody's thread looks now and then.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "libs/base/clock.h"

namespace holdfast::rpc {

class Reminded {
 public:
  virtual void Remind() = 0;

 protected:
  ~Reminded() = default;
};

// Thread-safe. Keeps nobody alive; who has ended is not reminded. Adding costs no more than a few
// comparisons while the times come in order.
class Reminders {
 public:
  void Add(SteadyTime at, std::weak_ptr<Reminded> whom);
  // Reminds everybody whose time has come, on this thread, in order of time.
  void Run(SteadyTime now);
  std::optional<SteadyTime> next() const;

 private:
  struct Reminder {
    SteadyTime at;
    std::weak_ptr<Reminded> whom;
  };
  static bool Later(const Reminder& a, const Reminder& b) { return a.at > b.at; }

  mutable absl::Mutex mutex_;
  std::vector<Reminder> heap_ ABSL_GUARDED_BY(mutex_);  // the next one first
};

}  // namespace holdfast::rpc
