// Chance, from a seed: distributions that are the same on every machine.
#pragma once

#include <cstdint>
#include <span>

#include "libs/base/clock.h"
#include "libs/base/random.h"

namespace holdfast::sim {

// Not thread-safe, hence fast: nothing in the simulation has threads. Also what the production
// classes get as their Random.
class Dice final : public Random {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}

  std::uint64_t Next() override;

  bool Chance(double probability) { return Uniform() < probability; }
  Duration Between(Duration low, Duration high);
  // Waiting time until the next of many independent arrivals.
  Duration Exponential(Duration mean);
  // What latencies look like: most near the median, a few several times it. 1 in 100 is above 3.2
  // times the median, 1 in 1000 above 4.7 times.
  Duration Latency(Duration median);
  std::size_t Weighted(std::span<const double> weights);

 private:
  std::uint64_t state_;
};

}  // namespace holdfast::sim
