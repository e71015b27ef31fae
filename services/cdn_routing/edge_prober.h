// Asks every edge again and again whether it serves: GET, any 2xx in time is good. One thread for
// all of them, so that a hundred hung ones delay nobody's probe; another one resolves names. A
// connection per probe: accepting is part of serving.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "libs/base/clock.h"
#include "libs/base/random.h"
#include "services/cdn_routing/domain/health_score.h"
#include "services/cdn_routing/domain/inventory.h"

namespace holdfast::cdn_routing {

// SetTargets is thread-safe. Owns its threads; the destructor ends them within about a second, and
// no report comes after.
class EdgeProber {
 public:
  struct Options {
    Duration interval = std::chrono::milliseconds(500);  // jittered by +-10 %
    Duration timeout = std::chrono::milliseconds(400);
  };
  // Called on the prober's thread; must not block.
  using Report = std::function<void(const EdgeId&, const HealthScore::Probe&)>;

  // `random` must outlive the prober.
  EdgeProber(const Options& options, Random& random, Report report);
  ~EdgeProber();
  EdgeProber(const EdgeProber&) = delete;
  EdgeProber& operator=(const EdgeProber&) = delete;

  // Whom to ask from now on: ids and probe_urls are used. New ones are asked at once; those that
  // stay keep their rhythm.
  void SetTargets(const std::vector<PlacedEdge>& edges);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::cdn_routing
