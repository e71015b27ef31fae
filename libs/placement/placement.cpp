#include "libs/placement/placement.h"

#include <algorithm>
#include <cmath>

namespace holdfast::placement {
namespace {

// The finaliser of splitmix64 (Steele, Lea, Flood 2014). Every process and machine must come to the
// same order, so no hash that is seeded or may change with a library.
std::uint64_t Mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

// FNV-1a, then mixed: ids differ in a digit or two.
std::uint64_t HashOf(std::string_view text) {
  std::uint64_t hash = 0xCBF29CE484222325u;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001B3u;
  }
  return Mix(hash);
}

// In (0, 1): 53 bits and a half, so that the logarithm is never of 0 or 1.
double Unit(std::uint64_t hash) {
  return (static_cast<double>(hash >> 11) + 0.5) * 0x1.0p-53;
}

bool TakesViewers(const Edge& edge) {
  return edge.health != Edge::Health::kDraining && edge.weight > 0;
}

}  // namespace

EdgeTable::EdgeTable(std::vector<Edge> edges) : edges_(std::move(edges)) {
  hashes_.reserve(edges_.size());
  std::size_t in_service = 0;
  std::size_t up = 0;
  for (const Edge& edge : edges_) {
    hashes_.push_back(HashOf(edge.id));
    one_weight_ = one_weight_ && edge.weight == edges_.front().weight;
    if (!TakesViewers(edge)) continue;
    ++in_service;
    if (edge.health == Edge::Health::kUp) ++up;
  }
  panic_ = up * 2 < in_service;
}

EdgeTable::Tier EdgeTable::TierOf(std::size_t index, std::string_view zone) const {
  const Edge& edge = edges_[index];
  if (edge.health == Edge::Health::kDown && !panic_) return kDown;
  if (!TakesViewers(edge)) return kDraining;
  return edge.zone == zone ? kUpInZone : kUpElsewhere;
}

double EdgeTable::Score(std::uint64_t channel_hash, std::size_t index) const {
  const double unit = Unit(Mix(channel_hash ^ hashes_[index]));
  // -w / ln(u) grows with u: among equal weights u itself gives the same order without the
  // logarithm.
  if (one_weight_) return unit;
  return -static_cast<double>(std::max(edges_[index].weight, 0)) / std::log(unit);
}

const Edge* EdgeTable::Best(std::string_view channel, std::string_view zone) const {
  const std::uint64_t channel_hash = HashOf(channel);
  const Edge* best = nullptr;
  Tier best_tier = kDown;
  double best_score = 0;
  for (std::size_t i = 0; i < edges_.size(); ++i) {
    const Tier tier = TierOf(i, zone);
    if (best != nullptr && tier > best_tier) continue;
    const double score = Score(channel_hash, i);
    const bool better = best == nullptr || tier < best_tier || score > best_score ||
                        (score == best_score && edges_[i].id < best->id);
    if (!better) continue;
    best = &edges_[i];
    best_tier = tier;
    best_score = score;
  }
  return best;
}

std::vector<const Edge*> EdgeTable::Rank(std::string_view channel, std::string_view zone) const {
  struct Ranked {
    Tier tier;
    double score;
    const Edge* edge;
  };
  const std::uint64_t channel_hash = HashOf(channel);
  std::vector<Ranked> ranked;
  ranked.reserve(edges_.size());
  for (std::size_t i = 0; i < edges_.size(); ++i) {
    ranked.push_back({TierOf(i, zone), Score(channel_hash, i), &edges_[i]});
  }
  std::ranges::sort(ranked, [](const Ranked& a, const Ranked& b) {
    if (a.tier != b.tier) return a.tier < b.tier;
    if (a.score != b.score) return a.score > b.score;
    return a.edge->id < b.edge->id;
  });
  std::vector<const Edge*> edges;
  edges.reserve(ranked.size());
  for (const Ranked& r : ranked) edges.push_back(r.edge);
  return edges;
}

}  // namespace holdfast::placement
