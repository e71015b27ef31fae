#include "libs/rpc/pick_instance.h"

#include <algorithm>
#include <cmath>

#include "absl/container/inlined_vector.h"

namespace holdfast::rpc {

namespace {

// Places in the line: lower is asked first. Which of the first two leads is decided for each call.
enum Place : std::uint8_t {
  kNear,
  kFar,
  kWaiting,
  kDraining,
  kEjected,
  kUnproven,
  kDown,
  kNobody,
};

using Indexes = absl::InlinedVector<std::size_t, 16>;

struct Capacity {
  double known = 0;
  double healthy = 0;

  double Share(double factor, double fair) const {
    return fair > 0 ? std::min(1.0, factor * healthy / fair) : 0.0;
  }
};

// One look at all instances, so that they are judged alike even if they change meanwhile.
class View {
 public:
  View(std::span<Peer* const> peers, const PickOptions& options)
      : peers_(peers), options_(options) {
    in_play_.resize(peers.size());
    draining_ = static_cast<std::size_t>(
        std::count_if(peers.begin(), peers.end(), [](const Peer* p) { return p->draining(); }));
    if (draining_ == peers.size()) draining_ = 0;
    Indexes ejected;
    for (std::size_t i = 0; i < peers.size(); ++i) {
      if (peers[i]->health() != Peer::Health::kUp || drains(i)) continue;
      if (peers[i]->ejected()) {
        ejected.push_back(i);
      } else {
        in_play_[i] = true;
      }
    }
    KeepThoseBeyondTheCap(ejected);
    usable_ = static_cast<std::size_t>(std::count(in_play_.begin(), in_play_.end(), true));
  }

  bool in_play(std::size_t i) const { return in_play_[i]; }
  // Leaves while others stay.
  bool drains(std::size_t i) const { return draining_ > 0 && peers_[i]->draining(); }
  std::size_t draining() const { return draining_; }
  std::size_t usable() const { return usable_; }
  std::size_t ejected() const { return ejected_; }

  bool Panic() const {
    const double needed = std::floor(options_.panic_below * static_cast<double>(Staying()));
    return static_cast<double>(usable_) < needed;
  }

  // What part of the calls stays in the own zone.
  double NearShare(std::string_view own_zone) const {
    Capacity near;
    Capacity far;
    absl::InlinedVector<std::string_view, 8> zones;
    for (std::size_t i = 0; i < peers_.size(); ++i) {
      const discovery::Instance& instance = peers_[i]->instance();
      Capacity& side = instance.zone == own_zone ? near : far;
      side.known += peers_[i]->given_weight();
      if (in_play_[i]) side.healthy += peers_[i]->given_weight();
      if (std::find(zones.begin(), zones.end(), instance.zone) == zones.end()) {
        zones.push_back(instance.zone);
      }
    }
    if (near.healthy == 0 || far.healthy == 0) return near.healthy > 0 ? 1 : 0;
    const double total = near.known + far.known;
    const double fair = std::max(near.known, total / static_cast<double>(zones.size()));
    const double stays = near.Share(options_.zone_factor, fair);
    const double room = far.Share(options_.zone_factor, far.known);
    return stays + room < 1 ? stays / (stays + room) : stays;
  }

 private:
  std::size_t Staying() const { return peers_.size() - draining_; }

  void KeepThoseBeyondTheCap(Indexes& ejected) {
    const double share = options_.max_ejected * static_cast<double>(Staying());
    // One stays of those that are up, whatever the others are.
    const std::size_t up = ejected.size() + static_cast<std::size_t>(
                                                std::count(in_play_.begin(), in_play_.end(), true));
    const std::size_t cap = std::min(static_cast<std::size_t>(std::ceil(share)), up - (up > 0));
    ejected_ = std::min(ejected.size(), cap);
    if (ejected.size() <= cap) return;
    std::stable_sort(ejected.begin(), ejected.end(), [&](std::size_t a, std::size_t b) {
      return peers_[a]->ejected_at() < peers_[b]->ejected_at();
    });
    for (std::size_t i = cap; i < ejected.size(); ++i) in_play_[ejected[i]] = true;
  }

  const std::span<Peer* const> peers_;
  const PickOptions& options_;
  absl::InlinedVector<bool, 64> in_play_;
  std::size_t usable_ = 0;
  std::size_t ejected_ = 0;
  std::size_t draining_ = 0;  // 0 where all are
};

Place PlaceOf(const Peer& peer, bool in_play, bool drains, std::string_view own_zone) {
  if (drains && peer.health() == Peer::Health::kUp) return kDraining;
  if (in_play && peer.wants_to_wait()) return kWaiting;
  if (in_play) return peer.instance().zone == own_zone ? kNear : kFar;
  switch (peer.health()) {
    case Peer::Health::kUp:
      return kEjected;
    case Peer::Health::kUnproven:
      return kUnproven;
    case Peer::Health::kDown:
      return kDown;
  }
  return kDown;
}

Place PlaceInPanic(const Peer& peer, bool drains) {
  if (!peer.connected()) return kDown;
  return drains ? kDraining : kNear;
}

// A random one, heavier ones more often; `drawn` before is not drawn again.
std::size_t Draw(std::span<const double> weights, double total, std::optional<std::size_t> drawn,
                 Random& random) {
  double left = random.Uniform() * (drawn ? total - weights[*drawn] : total);
  std::size_t last = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (drawn == i) continue;
    last = i;
    left -= weights[i];
    if (left < 0) return i;
  }
  return last;  // rounding ate the rest
}

std::size_t BetterOfTwo(std::span<Peer* const> peers, const Indexes& candidates, Random& random) {
  if (candidates.size() == 1) return candidates[0];
  absl::InlinedVector<double, 16> weights;
  double total = 0;
  for (const std::size_t i : candidates) total += weights.emplace_back(peers[i]->Weight());
  const std::size_t first = Draw(weights, total, std::nullopt, random);
  const std::size_t second = Draw(weights, total, first, random);
  const bool second_better = peers[candidates[second]]->Load() < peers[candidates[first]]->Load();
  return candidates[second_better ? second : first];
}

}  // namespace

std::optional<std::size_t> PickInstance(std::span<Peer* const> peers,
                                        std::span<const std::size_t> tried,
                                        std::string_view own_zone, Random& random,
                                        const PickOptions& options) {
  const View view(peers, options);
  const bool panic = tried.empty() && view.Panic();
  const bool zones_matter = !panic && options.zone_factor > 0 && !own_zone.empty();
  const bool stay = !zones_matter || random.Uniform() < view.NearShare(own_zone);
  Indexes candidates;
  Place best = kNobody;
  for (std::size_t i = 0; i < peers.size(); ++i) {
    if (std::find(tried.begin(), tried.end(), i) != tried.end()) continue;
    const bool drains = view.drains(i);
    Place place = panic ? PlaceInPanic(*peers[i], drains)
                        : PlaceOf(*peers[i], view.in_play(i), drains, own_zone);
    if (place <= kFar && !zones_matter) place = kNear;
    if (place <= kFar && !stay) place = place == kNear ? kFar : kNear;
    if (place > best) continue;
    if (place < best) candidates.clear();
    best = place;
    candidates.push_back(i);
  }
  if (candidates.empty()) return std::nullopt;
  return BetterOfTwo(peers, candidates, random);
}

Standing StandingOf(std::span<Peer* const> peers, const PickOptions& options) {
  const View view(peers, options);
  return {.instances = peers.size(),
          .usable = view.usable(),
          .ejected = view.ejected(),
          .draining = view.draining(),
          .panic = view.Panic()};
}

}  // namespace holdfast::rpc
