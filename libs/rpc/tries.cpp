#include "libs/rpc/tries.h"

#include <algorithm>

namespace holdfast::rpc {

Tries::Allowance Tries::Begin(std::size_t index, Duration left) {
  tried_.push_back(index);
  const bool another_possible =
      options_.idempotent && tried_.size() < options_.max_tries && tried_.size() < instances_;
  const Duration overdue_after =
      TryTime(left, options_.try_timeout, options_.p95, another_possible);
  return {.time = left,
          .overdue_after = overdue_after,
          .fair = overdue_after >= std::min<Duration>(options_.try_timeout, options_.timeout / 2)};
}

bool Tries::MayTryAgain(const Verdict& verdict, const Clock& clock) const {
  return verdict.retry && tried_.size() < options_.max_tries &&
         deadline_.Remaining(clock) > options_.margin;
}

void Tries::Report(const Verdict& last, CircuitBreaker::Permit& permit) {
  if (last.neighbour_answered) return permit.Succeeded();
  if (last.instance == TryOutcome::kFailed) permit.Failed();
}

}  // namespace holdfast::rpc
