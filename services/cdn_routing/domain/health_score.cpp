#include "services/cdn_routing/domain/health_score.h"

#include <algorithm>

namespace holdfast::cdn_routing {
namespace {

constexpr int kMostDoublings = 4;

}  // namespace

bool HealthScore::Observe(const Probe& probe, SteadyTime now) {
  if (!probe.ok) return ObserveFailure(now);
  const bool speed_changed = ObserveSpeed(probe.took);
  return ObserveSuccess(now) || speed_changed;
}

bool HealthScore::ObserveFailure(SteadyTime now) {
  successes_ = 0;
  if (health_ == Health::kDown) return false;
  ++failures_;
  if (health_ == Health::kUp && failures_ < options_.failures_to_down) return false;
  if (health_ == Health::kUp) {
    std::erase_if(falls_, [&](SteadyTime t) { return now - t > options_.flap_memory; });
    falls_.push_back(now);
  }
  health_ = Health::kDown;
  failures_ = 0;
  slow_ = 0;
  degraded_ = false;
  return true;
}

bool HealthScore::ObserveSuccess(SteadyTime now) {
  failures_ = 0;
  if (health_ == Health::kUp) return false;
  ++successes_;
  if (health_ == Health::kDown && successes_ < SuccessesNeeded(now)) return false;
  health_ = Health::kUp;
  successes_ = 0;
  return true;
}

bool HealthScore::ObserveSpeed(Duration took) {
  if (took > options_.slow_after) {
    fast_ = 0;
    ++slow_;
    if (degraded_ || slow_ < options_.slow_to_degrade) return false;
    degraded_ = true;
    return true;
  }
  slow_ = 0;
  if (!degraded_ || ++fast_ < options_.fast_to_restore) return false;
  degraded_ = false;
  fast_ = 0;
  return true;
}

int HealthScore::SuccessesNeeded(SteadyTime now) const {
  const auto recent = std::count_if(falls_.begin(), falls_.end(),
                                    [&](SteadyTime t) { return now - t <= options_.flap_memory; });
  const int earlier_falls = std::max(static_cast<int>(recent) - 1, 0);
  return options_.successes_to_up << std::min(earlier_falls, kMostDoublings);
}

int HealthScore::WeightOf(int full_weight) const {
  if (!degraded_) return full_weight;
  return std::max(full_weight * options_.degraded_percent / 100, 1);
}

}  // namespace holdfast::cdn_routing
