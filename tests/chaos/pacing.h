// A box that goes on zapping for a while, and what it saw.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "tests/e2e/box.h"

namespace holdfast::test {

// How long each outage lasts: HOLDFAST_CHAOS_SECONDS, or a minute.
std::chrono::seconds OutageLength();

struct ZapReport {
  int zaps = 0;
  int failures = 0;       // of zaps, lists, guide pages and heartbeats
  std::string first_few;  // of the failures, a line each
};

// Zaps over all channels a few times a second, through each portal in turn; lists the channels,
// reads the guide and sends a heartbeat now and then. The guide must stay at least half as full as
// it is for `guide_channels`.
ZapReport KeepWatching(Box& box, const std::vector<std::string>& portals,
                       const std::vector<BoxChannel>& channels, int guide_channels,
                       std::chrono::seconds how_long);

}  // namespace holdfast::test
