#include "services/cdn_routing/edge_board.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "libs/telemetry/log.h"
#include "services/cdn_routing/convert.h"

namespace holdfast::cdn_routing {
namespace {

std::string_view Name(placement::Edge::Health health) {
  switch (health) {
    case placement::Edge::Health::kUp:
      return "up";
    case placement::Edge::Health::kDown:
      return "down";
    case placement::Edge::Health::kDraining:
      return "draining";
  }
  return "unknown";
}

}  // namespace

EdgeBoard::EdgeBoard(const HealthScore::Options& options, replica::Publication& publication,
                     const Metrics& metrics, const Clock& clock)
    : options_(options),
      publication_(publication),
      metrics_(metrics),
      clock_(clock),
      table_(std::make_shared<RoutingTable>()) {}

void EdgeBoard::SetInventory(const Inventory& inventory) {
  absl::MutexLock lock(&mutex_);
  if (!first_inventory_at_) first_inventory_at_ = clock_.SteadyNow();
  OrderedStringMap<Entry> next;
  for (PlacedEdge& edge : Place(inventory)) {
    const auto known = entries_.find(edge.id.value());
    const bool same = known != entries_.end() && known->second.edge.probe_url == edge.probe_url;
    const std::string id = edge.id.value();
    next.emplace(id, Entry{std::move(edge), same ? known->second.score : HealthScore(options_)});
  }
  for (const auto& [id, entry] : entries_) {
    const auto& [edge, score] = entry;
    if (next.contains(id)) continue;
    metrics_.edge_up.With({id, edge.cdn.value(), edge.site.value()})
        .Set(std::numeric_limits<double>::quiet_NaN());
  }
  entries_ = std::move(next);
  for (const auto& [id, entry] : entries_) Report(entry);
  Rebuild();
}

void EdgeBoard::Observe(const EdgeId& id, const HealthScore::Probe& probe) {
  metrics_.probe_seconds.With({id.value()})
      .Observe(std::chrono::duration<double>(probe.took).count());
  if (!probe.ok) metrics_.probe_failures.With({id.value()}).Add();

  absl::MutexLock lock(&mutex_);
  const auto found = entries_.find(id.value());
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  if (entry.score.Observe(probe, clock_.SteadyNow())) {
    const LiveEdge live = Live(entry);
    metrics_.edge_changes.With({id.value()}).Add();
    telemetry::Log(
        telemetry::Info, "edge verdict changed",
        {{"edge", id.value()}, {"health", Name(live.health)}, {"degraded", live.degraded}});
    Report(entry);
    Rebuild();
  } else if (!published_) {
    Publish();
  }
}

LiveEdge EdgeBoard::Live(const Entry& entry) {
  using Health = placement::Edge::Health;
  const bool up = entry.score.health() == HealthScore::Health::kUp;
  return {.edge = entry.edge,
          .health = !up                   ? Health::kDown
                    : entry.edge.draining ? Health::kDraining
                                          : Health::kUp,
          .degraded = entry.score.degraded(),
          .weight = entry.score.WeightOf(entry.edge.weight)};
}

void EdgeBoard::Report(const Entry& entry) const {
  if (entry.score.health() == HealthScore::Health::kUnknown) return;
  const auto labels = {std::string_view(entry.edge.id.value()),
                       std::string_view(entry.edge.cdn.value()),
                       std::string_view(entry.edge.site.value())};
  metrics_.edge_up.With(labels).Set(entry.score.health() == HealthScore::Health::kUp ? 1 : 0);
  metrics_.edge_degraded.With(labels).Set(entry.score.degraded() ? 1 : 0);
}

void EdgeBoard::Rebuild() {
  std::vector<placement::Edge> edges;
  auto table = std::make_shared<RoutingTable>();
  for (const auto& [id, entry] : entries_) {
    const LiveEdge live = Live(entry);
    edges.push_back({.id = id,
                     .cdn = live.edge.cdn.value(),
                     .site = live.edge.site.value(),
                     .zone = live.edge.zone,
                     .base_url = live.edge.base_url,
                     .weight = live.weight,
                     .health = live.health,
                     .signing_key_id = live.edge.signing_key_id});
    table->redirects.emplace(id, metrics_.redirects.With({id}));
  }
  table->edges = placement::EdgeTable(std::move(edges));
  table_ = std::move(table);
  Publish();
}

bool EdgeBoard::MayPublish() const {
  if (published_) return true;
  if (entries_.empty()) return false;  // nothing to tell, and "nothing" must not look like news
  const bool all_probed = std::all_of(entries_.begin(), entries_.end(), [](const auto& item) {
    return item.second.score.health() != HealthScore::Health::kUnknown;
  });
  return all_probed || clock_.SteadyNow() - *first_inventory_at_ >= kFirstRound;
}

void EdgeBoard::Publish() {
  if (!MayPublish()) return;
  published_ = true;
  OrderedStringMap<SharedBytes> items;
  for (const auto& [id, entry] : entries_) {
    items[id] = MakeShared(ToProto(Live(entry)).SerializeAsString());
  }
  publication_.ReplaceAll(std::move(items));
}

std::shared_ptr<const RoutingTable> EdgeBoard::table() const {
  absl::MutexLock lock(&mutex_);
  return table_;
}

std::vector<LiveEdge> EdgeBoard::edges() const {
  absl::MutexLock lock(&mutex_);
  std::vector<LiveEdge> edges;
  for (const auto& [id, entry] : entries_) edges.push_back(Live(entry));
  return edges;
}

std::optional<LiveEdge> EdgeBoard::Find(const EdgeId& id) const {
  absl::MutexLock lock(&mutex_);
  const auto found = entries_.find(id.value());
  if (found == entries_.end()) return std::nullopt;
  return Live(found->second);
}

}  // namespace holdfast::cdn_routing
