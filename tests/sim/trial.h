// Faults that nobody chose: a plant, a load and troubles made from a seed, and the claims that hold
// whatever they are.
#pragma once

#include <cstdint>
#include <string>

#include "tests/sim/report.h"

namespace holdfast::sim {

struct Trial {
  Report report;
  std::uint64_t digest;  // of everything that happened
};

Trial RunTrial(std::uint64_t seed);

}  // namespace holdfast::sim
