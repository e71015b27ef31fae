// Calls between services at a rate: many independent askers, so the next one is always a surprise.
#pragma once

#include <vector>

#include "tests/sim/caller.h"
#include "tests/sim/world.h"

namespace holdfast::sim {

// Each call is made by a running process of `from`, any of them.
struct Stream {
  std::size_t from;
  std::size_t to;
  std::size_t method;
  Criticality criticality;
  double per_second;
  Duration deadline = std::chrono::milliseconds(500);
};

class Traffic final : public Actor {
 public:
  explicit Traffic(World& world) : world_(world) {}

  std::size_t Add(const Stream& stream);
  void SetRate(std::size_t stream, double per_second);

  void Act(std::uint32_t what, std::uint64_t with) override;

 private:
  struct Flow {
    Stream stream;
    std::uint32_t version = 0;  // of the rate; an arrival asked for before is void
  };

  void AskForNext(std::size_t index);
  void Start(const Stream& stream);

  World& world_;
  std::vector<Flow> flows_;
};

}  // namespace holdfast::sim
