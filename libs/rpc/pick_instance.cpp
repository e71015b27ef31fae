#include "libs/rpc/pick_instance.h"

#include <algorithm>

#include "absl/container/inlined_vector.h"

namespace holdfast::rpc {

namespace {

// Place in the line: lower is asked first.
int Group(const Peer& peer, std::string_view own_zone) {
  if (peer.usable()) return peer.instance().zone == own_zone ? 0 : 1;
  switch (peer.health()) {
    case Peer::Health::kUp:
      return 2;
    case Peer::Health::kUnproven:
      return 3;
    case Peer::Health::kDown:
      return 4;
  }
  return 4;
}

}  // namespace

std::optional<std::size_t> PickInstance(std::span<Peer* const> peers,
                                        std::span<const std::size_t> tried,
                                        std::string_view own_zone, Random& random) {
  absl::InlinedVector<std::size_t, 16> candidates;
  int best_group = 5;
  for (std::size_t i = 0; i < peers.size(); ++i) {
    if (std::find(tried.begin(), tried.end(), i) != tried.end()) continue;
    const int group = Group(*peers[i], own_zone);
    if (group > best_group) continue;
    if (group < best_group) candidates.clear();
    best_group = group;
    candidates.push_back(i);
  }
  if (candidates.empty()) return std::nullopt;
  if (candidates.size() == 1) return candidates[0];

  const std::size_t first = random.Below(candidates.size());
  std::size_t second = random.Below(candidates.size() - 1);
  if (second >= first) ++second;
  const bool second_better = peers[candidates[second]]->Load() < peers[candidates[first]]->Load();
  return candidates[second_better ? second : first];
}

}  // namespace holdfast::rpc
