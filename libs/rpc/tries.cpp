#include "libs/rpc/tries.h"

#include <algorithm>

namespace holdfast::rpc {

Tries::Allowance Tries::Begin(std::size_t index, Others others, const Clock& clock) {
  tried_.push_back(index);
  others.possible = others.possible && options_.idempotent && tried_.size() < options_.max_tries &&
                    tried_.size() < instances_;
  const Duration time = TryTime(deadline_.Remaining(clock), options_.try_timeout, others);
  return {.time = time,
          .fair = time >= std::min<Duration>(options_.try_timeout, options_.timeout / 2)};
}

bool Tries::MayTryAgain(const Verdict& verdict, const Clock& clock) const {
  return verdict.retry && tried_.size() < options_.max_tries &&
         deadline_.Remaining(clock) > kDeadlineMargin;
}

void Tries::Report(const Verdict& last, CircuitBreaker::Permit& permit) {
  if (last.neighbour_answered) return permit.Succeeded();
  if (last.instance == TryOutcome::kFailed) permit.Failed();
}

}  // namespace holdfast::rpc
