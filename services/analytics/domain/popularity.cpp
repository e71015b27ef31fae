#include "services/analytics/domain/popularity.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace holdfast::analytics {

bool MorePopular(const RankedChannel& a, const RankedChannel& b) {
  if (a.score != b.score) return a.score > b.score;
  return a.channel < b.channel;
}

std::vector<RankedChannel> RankByPopularity(std::span<const HourPlays> plays, WallTime now,
                                            std::chrono::milliseconds half_life) {
  const WallTime present = std::chrono::floor<std::chrono::hours>(now);
  std::map<ChannelId, double> scores;
  for (const HourPlays& hour : plays) {
    if (hour.plays <= 0) continue;
    // An hour that lies ahead comes from a clock that leads; it counts as the present one.
    const Duration age = std::max<Duration>(present - hour.hour, Duration::zero());
    const double half_lives =
        std::chrono::duration<double>(age) / std::chrono::duration<double>(half_life);
    if (half_lives > kHalfLivesCounted) continue;
    scores[hour.channel] += static_cast<double>(hour.plays) * std::exp2(-half_lives);
  }

  std::vector<RankedChannel> ranking;
  ranking.reserve(scores.size());
  for (const auto& [channel, score] : scores) ranking.push_back({channel, score});
  std::sort(ranking.begin(), ranking.end(), MorePopular);
  return ranking;
}

}  // namespace holdfast::analytics
