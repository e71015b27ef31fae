#include "tests/sim/network.h"

#include <algorithm>

namespace holdfast::sim {

std::optional<Duration> Network::Travel(const Place& from, const Place& to) {
  const Wire sender = At(from.node);
  const Wire receiver = At(to.node);
  const bool cut = cut_[static_cast<std::size_t>(from.zone)][static_cast<std::size_t>(to.zone)];
  if (cut || sender.outbound_cut || receiver.inbound_cut) return std::nullopt;
  Duration time = dice_.Latency(from.zone == to.zone ? options_.same_zone : options_.cross_zone);
  const double loss = std::max(sender.loss, receiver.loss);
  for (int resends = 0; loss > 0 && resends < 4 && dice_.Chance(loss); ++resends) {
    time += options_.resend;
  }
  return time;
}

void Network::CutZones(int from, int to, bool cut) {
  cut_[static_cast<std::size_t>(from)][static_cast<std::size_t>(to)] = cut;
}

Network::Wire& Network::At(std::size_t node) {
  if (node >= wires_.size()) wires_.resize(node + 1);
  return wires_[node];
}

}  // namespace holdfast::sim
