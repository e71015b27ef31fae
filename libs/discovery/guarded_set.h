// Membership lists lie more often than whole services vanish: a DNS server that lost its zone, an
// etcd that lost its leases. This rule decides what of a new list is believed.
//
//   - Additions and changes are believed at once.
//   - An empty list is never believed: dialling instances that are gone costs little (callers probe
//     them), having nobody to dial costs everything.
//   - A list of less than half of what was there, or of half where that was four or more, is kept
//   back until the back end has said so for
//     `shrink_hold` without a break; until then the missing ones stay beside the new ones.
//   - "What was there" is the size that last stood for `shrink_hold`, so a set that erodes one by
//     one counts as one shrink.
#pragma once

#include <chrono>
#include <optional>

#include "libs/base/clock.h"
#include "libs/discovery/directory.h"

namespace holdfast::discovery {

// The guarded set of one service. Not thread-safe; owns no thread: time is an argument, and whoever
// drives it calls Tick at next_tick().
class GuardedSet {
 public:
  explicit GuardedSet(Duration shrink_hold) : shrink_hold_(shrink_hold) {}

  // What an earlier process believed. Before the first Offer.
  void Restore(InstanceSet set, SteadyTime now);

  // What the back end says now, in any order; of two with one id the later wins. True if current()
  // changed.
  bool Offer(InstanceSet offered, SteadyTime now);

  // Believes a small list that was offered for long enough. True if current() changed.
  bool Tick(SteadyTime now);
  std::optional<SteadyTime> next_tick() const;

  const InstanceSet& current() const { return current_; }
  bool holding_back() const { return suspect_.has_value(); }
  std::size_t held_back_size() const { return suspect_ ? suspect_->set.size() : 0; }

 private:
  struct Suspect {
    InstanceSet set;
    SteadyTime since;
  };

  bool TooSmall(const InstanceSet& set) const;
  bool Believe(InstanceSet set, SteadyTime now);

  const Duration shrink_hold_;
  InstanceSet current_;
  std::size_t reference_size_ = 0;           // the size that shrinks are measured against
  std::optional<SteadyTime> smaller_since_;  // current_ is below the reference since then
  std::optional<Suspect> suspect_;           // the list that is kept back
};

// Sorted by id, each id once (the later wins).
InstanceSet Normalized(InstanceSet set);

}  // namespace holdfast::discovery
