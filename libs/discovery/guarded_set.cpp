#include "libs/discovery/guarded_set.h"

#include <algorithm>
#include <utility>

namespace holdfast::discovery {

namespace {

// Of two or three instances one may leave at any time; that half of four or more do is rare.
constexpr std::size_t kHalfIsMany = 4;

}  // namespace

InstanceSet Normalized(InstanceSet set) {
  std::stable_sort(set.begin(), set.end(),
                   [](const Instance& a, const Instance& b) { return a.id < b.id; });
  InstanceSet unique;
  unique.reserve(set.size());
  for (Instance& instance : set) {
    if (!unique.empty() && unique.back().id == instance.id) unique.pop_back();
    unique.push_back(std::move(instance));
  }
  return unique;
}

void GuardedSet::Restore(InstanceSet set, SteadyTime now) {
  Believe(Normalized(std::move(set)), now);
}

bool GuardedSet::TooSmall(const InstanceSet& set) const {
  if (current_.empty()) return false;
  const std::size_t twice = set.size() * 2;
  return set.empty() || twice < reference_size_ ||
         (twice == reference_size_ && reference_size_ >= kHalfIsMany);
}

bool GuardedSet::Offer(InstanceSet offered, SteadyTime now) {
  offered = Normalized(std::move(offered));
  if (!TooSmall(offered)) {
    suspect_.reset();
    return Believe(std::move(offered), now);
  }
  const bool goes_on = suspect_ && suspect_->set.empty() == offered.empty();
  suspect_ = Suspect{offered, goes_on ? suspect_->since : now};
  if (Tick(now)) return true;
  if (!suspect_) return false;

  // The old ones first, so that the new description of a known instance wins.
  InstanceSet merged = current_;
  merged.insert(merged.end(), offered.begin(), offered.end());
  merged = Normalized(std::move(merged));
  if (merged == current_) return false;
  current_ = std::move(merged);
  return true;
}

bool GuardedSet::Tick(SteadyTime now) {
  if (smaller_since_ && now - *smaller_since_ >= shrink_hold_) {
    reference_size_ = current_.size();
    smaller_since_.reset();
  }
  if (!suspect_ || suspect_->set.empty() || now - suspect_->since < shrink_hold_) return false;
  InstanceSet believed = std::move(suspect_->set);
  suspect_.reset();
  reference_size_ = believed.size();
  return Believe(std::move(believed), now);
}

std::optional<SteadyTime> GuardedSet::next_tick() const {
  std::optional<SteadyTime> next;
  if (smaller_since_) next = *smaller_since_ + shrink_hold_;
  if (suspect_ && !suspect_->set.empty()) {
    const SteadyTime due = suspect_->since + shrink_hold_;
    next = next ? std::min(*next, due) : due;
  }
  return next;
}

bool GuardedSet::Believe(InstanceSet set, SteadyTime now) {
  if (set.size() >= reference_size_) {
    reference_size_ = set.size();
    smaller_since_.reset();
  } else if (!smaller_since_ || set.size() < current_.size()) {
    smaller_since_ = now;
  }
  if (set == current_) return false;
  current_ = std::move(set);
  return true;
}

}  // namespace holdfast::discovery
