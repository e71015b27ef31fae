// Which channels people play these days: plays that weigh half as much after each half-life.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

#include "libs/base/clock.h"
#include "services/analytics/domain/event.h"

namespace holdfast::analytics {

// Plays of one channel in the hour that starts at `hour`.
struct HourPlays {
  ChannelId channel;
  WallTime hour;
  std::int64_t plays = 0;
};

struct RankedChannel {
  ChannelId channel;
  double score = 0;  // plays, decayed

  friend bool operator==(const RankedChannel&, const RankedChannel&) = default;
};

// Best first; equal scores by channel id, so that all instances agree.
bool MorePopular(const RankedChannel& a, const RankedChannel& b);

// Plays older than this many half-lives weigh less than a thousandth and are left out.
constexpr int kHalfLivesCounted = 10;

// Best first. Age counts in whole hours from the hour of `now`: within an hour the ranking changes
// only when plays do.
std::vector<RankedChannel> RankByPopularity(std::span<const HourPlays> plays, WallTime now,
                                            std::chrono::milliseconds half_life);

}  // namespace holdfast::analytics
