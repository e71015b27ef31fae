// Three zones and the wires between them: how long a message takes, and whether it arrives at all.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "tests/sim/dice.h"
#include "tests/sim/spec.h"

namespace holdfast::sim {

// Messages of one connection may overtake each other; a lost packet is sent again by TCP and so
// only late; what a cut swallows is gone.
class Network {
 public:
  struct Options {
    Duration same_zone = std::chrono::microseconds(200);  // one way, median
    Duration cross_zone = std::chrono::microseconds(900);
    Duration resend = std::chrono::milliseconds(200);
  };

  Network(const Options& options, Dice& dice) : options_(options), dice_(dice) {}

  // Nothing: it never arrives.
  std::optional<Duration> Travel(const Place& from, const Place& to);

  void CutZones(int from, int to, bool cut);  // one direction
  void CutInbound(std::size_t node, bool cut) { At(node).inbound_cut = cut; }
  void CutOutbound(std::size_t node, bool cut) { At(node).outbound_cut = cut; }
  void SetLoss(std::size_t node, double loss) { At(node).loss = loss; }  // of packets, either way

 private:
  struct Wire {
    bool inbound_cut = false;
    bool outbound_cut = false;
    double loss = 0;
  };

  Wire& At(std::size_t node);

  const Options options_;
  Dice& dice_;
  std::vector<Wire> wires_;
  std::array<std::array<bool, kZones>, kZones> cut_ = {};
};

}  // namespace holdfast::sim
