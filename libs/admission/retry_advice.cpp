#include "libs/admission/retry_advice.h"

namespace holdfast::admission {
namespace {

constexpr std::int64_t kShortestPushback[] = {50, 100, 200, 400};  // ms; up to three times as long
constexpr std::int64_t kLongestRetryAfter[] = {2, 3, 10, 60};      // s; at least one

}  // namespace

std::chrono::milliseconds RetryPushback(Criticality criticality, Random& random) {
  const std::int64_t shortest = kShortestPushback[IndexOf(criticality)];
  const auto more = random.Below(static_cast<std::uint64_t>(2 * shortest + 1));
  return std::chrono::milliseconds(shortest + static_cast<std::int64_t>(more));
}

std::chrono::seconds RetryAfter(Criticality criticality, Random& random) {
  const auto longest = static_cast<std::uint64_t>(kLongestRetryAfter[IndexOf(criticality)]);
  return std::chrono::seconds(1 + static_cast<std::int64_t>(random.Below(longest)));
}

}  // namespace holdfast::admission
