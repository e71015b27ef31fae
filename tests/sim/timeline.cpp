#include "tests/sim/timeline.h"

#include <algorithm>

namespace holdfast::sim {

Timeline::Timeline() : near_(kBuckets), far_(kBuckets) {}

WallTime Timeline::Now() const {
  constexpr std::int64_t kEpoch = 1'767'348'000;
  return FromEpochSeconds(kEpoch) + std::chrono::duration_cast<WallTime::duration>(elapsed());
}

void Timeline::In(Duration wait, Actor& actor, std::uint32_t what, std::uint64_t with) {
  const std::int64_t at = now_ + std::max<std::int64_t>(wait.count(), 0);
  Place({.at = at, .number = ++asked_, .actor = &actor, .with = with, .what = what});
}

void Timeline::RunFor(Duration time) {
  const std::int64_t end = now_ + time.count();
  do {
    while (!current_.empty() && current_.front().at <= end) {
      std::pop_heap(current_.begin(), current_.end(), Later);
      const Event event = current_.back();
      current_.pop_back();
      Live(event);
    }
  } while (current_.empty() && Advance(end));
  now_ = end;
}

void Timeline::Postpone(const std::function<bool(const Actor&)>& whose, Duration by) {
  std::vector<Event> postponed;
  const auto take = [&](Bucket& bucket) {
    const auto kept = std::stable_partition(bucket.begin(), bucket.end(),
                                            [&](const Event& e) { return !whose(*e.actor); });
    postponed.insert(postponed.end(), kept, bucket.end());
    bucket.erase(kept, bucket.end());
  };
  take(current_);
  std::make_heap(current_.begin(), current_.end(), Later);
  for (Bucket& bucket : near_) take(bucket);
  for (Bucket& bucket : far_) take(bucket);
  for (Event& event : postponed) {
    event.at += by.count();
    Place(event);
  }
}

bool Timeline::Later(const Event& a, const Event& b) {
  return a.at != b.at ? a.at > b.at : a.number > b.number;
}

void Timeline::Place(const Event& event) {
  const std::int64_t near = event.at >> kNearBits;
  const std::int64_t far = event.at >> kFarBits;
  const std::int64_t far_now = near_now_ >> (kFarBits - kNearBits);
  if (near <= near_now_) {
    current_.push_back(event);
    std::push_heap(current_.begin(), current_.end(), Later);
  } else if (far == far_now) {
    near_[static_cast<std::size_t>(near) % kBuckets].push_back(event);
  } else {
    // What lies beyond the calendar waits on its last page, and is placed again from there.
    const std::int64_t page = std::min(far, far_now + static_cast<std::int64_t>(kBuckets) - 1);
    far_[static_cast<std::size_t>(page) % kBuckets].push_back(event);
  }
}

bool Timeline::Advance(std::int64_t end) {
  if (near_now_ >= end >> kNearBits) return false;
  ++near_now_;
  if (static_cast<std::size_t>(near_now_) % kBuckets == 0) {
    const auto far_now = static_cast<std::size_t>(near_now_ >> (kFarBits - kNearBits));
    Bucket arrived;
    arrived.swap(far_[far_now % kBuckets]);
    for (const Event& event : arrived) Place(event);
  }
  Bucket& bucket = near_[static_cast<std::size_t>(near_now_) % kBuckets];
  current_.insert(current_.end(), bucket.begin(), bucket.end());
  bucket.clear();
  std::make_heap(current_.begin(), current_.end(), Later);
  return true;
}

void Timeline::Live(const Event& event) {
  now_ = event.at;
  ++lived_;
  const std::uint64_t told = static_cast<std::uint64_t>(event.at) ^
                             event.with * 0x9e3779b97f4a7c15 ^ std::uint64_t{event.what} << 48;
  digest_ = (digest_ ^ told) * 0x100000001b3;
  event.actor->Act(event.what, event.with);
}

}  // namespace holdfast::sim
