// Which instance gets the next try.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "libs/base/random.h"
#include "libs/rpc/peer.h"

namespace holdfast::rpc {

struct PickOptions {
  // The own zone takes all calls while its healthy capacity, times this, is at least its fair
  // share; then only as much. 0: zones do not matter.
  double zone_factor = 1.4;
  // With fewer usable instances than this share of all, rounded down, health is ignored.
  double panic_below = 0.5;
  // Breakers may keep out this share of all, rounded up, and never all.
  double max_ejected = 0.5;
};

// The index of the instance to call, or nothing when all have been `tried`. In this order:
//   1. usable ones: of the own zone and of the others, by healthy capacity
//   2. usable ones that asked us to wait
//   3. those that are draining: they answer, but want no new calls
//   4. the others, UP before UNPROVEN before DOWN: a doubt about an instance is no reason to fail a
//      call that has nowhere else to go, so doubts about all of them change nothing
// Of two random ones (heavier ones are drawn more often) the one with the lower Peer::Load is
// taken: always taking the best would send every caller to the same instance.
//
// Where all are draining none is. Those that are count neither as instances nor as usable below.
//
// Breakers never empty the choice: when more are ejected than max_ejected allows, those ejected
// last stay in; the only one that is up is never ejected, of two or three one stays. Panic: when too few
// are usable, the first try may go to any that is connected, in case it is our view that is wrong;
// further tries still go to usable ones first.
std::optional<std::size_t> PickInstance(std::span<Peer* const> peers,
                                        std::span<const std::size_t> tried,
                                        std::string_view own_zone, Random& random,
                                        const PickOptions& options = {});

// What PickInstance counts, for metrics and pages.
struct Standing {
  std::size_t instances = 0;
  std::size_t usable = 0;   // after the cap on ejections
  std::size_t ejected = 0;  // kept out by their breakers, after the cap
  std::size_t draining = 0;
  bool panic = false;
};
Standing StandingOf(std::span<Peer* const> peers, const PickOptions& options = {});

}  // namespace holdfast::rpc
