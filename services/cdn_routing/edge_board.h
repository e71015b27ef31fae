// The edge table as this instance sees it: inventory and probes put together, published to those
// who follow "edges" and used for our own redirects.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "libs/base/clock.h"
#include "libs/base/string_map.h"
#include "libs/placement/placement.h"
#include "libs/replica/publication.h"
#include "services/cdn_routing/domain/health_score.h"
#include "services/cdn_routing/domain/inventory.h"
#include "services/cdn_routing/metrics.h"

namespace holdfast::cdn_routing {

// An edge as it is right now.
struct LiveEdge {
  PlacedEdge edge;
  placement::Edge::Health health = placement::Edge::Health::kDown;
  bool degraded = false;
  int weight = 100;  // what is left of edge.weight while it is slow
};

// What a redirect needs. Immutable.
struct RoutingTable {
  placement::EdgeTable edges{{}};
  StringMap<telemetry::Counter> redirects;  // by edge id
};

// Thread-safe; blocks on nothing. A changed verdict is published before Observe returns.
//
// An edge that was not probed yet counts as down, which while that is true of most edges means
// nothing (panic rule). The first publication waits until every edge was probed once, at most
// kFirstRound, so that a restart does not tell followers that dead edges live.
class EdgeBoard {
 public:
  static constexpr Duration kFirstRound = std::chrono::seconds(1);

  // All are borrowed and outlive the board.
  EdgeBoard(const HealthScore::Options& options, replica::Publication& publication,
            const Metrics& metrics, const Clock& clock);

  // Edges that stay keep their score, unless they are probed elsewhere now.
  void SetInventory(const Inventory& inventory);

  // Outcome of one probe; unknown ids are ignored.
  void Observe(const EdgeId& id, const HealthScore::Probe& probe);

  std::shared_ptr<const RoutingTable> table() const;  // never null
  std::vector<LiveEdge> edges() const;                // by id
  std::optional<LiveEdge> Find(const EdgeId& id) const;

 private:
  struct Entry {
    PlacedEdge edge;
    HealthScore score;
  };

  static LiveEdge Live(const Entry& entry);
  void Report(const Entry& entry) const;
  void Rebuild() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Publish() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool MayPublish() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const HealthScore::Options options_;
  replica::Publication& publication_;
  const Metrics& metrics_;
  const Clock& clock_;

  mutable absl::Mutex mutex_;
  OrderedStringMap<Entry> entries_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const RoutingTable> table_ ABSL_GUARDED_BY(mutex_);
  std::optional<SteadyTime> first_inventory_at_ ABSL_GUARDED_BY(mutex_);
  bool published_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace holdfast::cdn_routing
