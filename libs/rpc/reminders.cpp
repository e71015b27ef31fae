#include "libs/rpc/reminders.h"

#include <algorithm>
#include <utility>

namespace holdfast::rpc {

void Reminders::Add(SteadyTime at, std::weak_ptr<Reminded> whom) {
  absl::MutexLock lock(&mutex_);
  heap_.push_back({at, std::move(whom)});
  std::push_heap(heap_.begin(), heap_.end(), Later);
}

void Reminders::Run(SteadyTime now) {
  std::vector<std::weak_ptr<Reminded>> due;
  {
    absl::MutexLock lock(&mutex_);
    while (!heap_.empty() && heap_.front().at <= now) {
      std::pop_heap(heap_.begin(), heap_.end(), Later);
      due.push_back(std::move(heap_.back().whom));
      heap_.pop_back();
    }
  }
  for (const std::weak_ptr<Reminded>& whom : due) {
    if (const auto listens = whom.lock()) listens->Remind();
  }
}

std::optional<SteadyTime> Reminders::next() const {
  absl::MutexLock lock(&mutex_);
  if (heap_.empty()) return std::nullopt;
  return heap_.front().at;
}

}  // namespace holdfast::rpc
