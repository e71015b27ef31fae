#include "tests/sim/dice.h"

#include <array>
#include <cmath>

namespace holdfast::sim {

namespace {

constexpr std::size_t kSteps = 4096;
using Table = std::array<float, kSteps>;

// Sum of twelve uniforms: close enough to normal, and the same everywhere.
Table MakeLatencies() {
  constexpr double kSigma = 0.5;
  Table table;
  Dice dice(20260101);
  for (float& factor : table) {
    double sum = -6;
    for (int i = 0; i < 12; ++i) sum += dice.Uniform();
    factor = static_cast<float>(std::exp(kSigma * sum));
  }
  return table;
}

Table MakeExponentials() {
  Table table;
  for (std::size_t i = 0; i < kSteps; ++i) {
    table[i] = static_cast<float>(-std::log((static_cast<double>(i) + 0.5) / kSteps));
  }
  return table;
}

Duration Times(Duration duration, double factor) {
  return Duration(static_cast<std::int64_t>(static_cast<double>(duration.count()) * factor));
}

}  // namespace

std::uint64_t Dice::Next() {  // splitmix64
  std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

Duration Dice::Between(Duration low, Duration high) { return low + Times(high - low, Uniform()); }

Duration Dice::Exponential(Duration mean) {
  static const Table table = MakeExponentials();
  return Times(mean, table[Next() >> 52]);
}

Duration Dice::Latency(Duration median) {
  static const Table table = MakeLatencies();
  return Times(median, table[Next() >> 52]);
}

std::size_t Dice::Weighted(std::span<const double> weights) {
  double sum = 0;
  for (const double weight : weights) sum += weight;
  double left = Uniform() * sum;
  for (std::size_t i = 0; i + 1 < weights.size(); ++i) {
    left -= weights[i];
    if (left < 0) return i;
  }
  return weights.empty() ? 0 : weights.size() - 1;
}

}  // namespace holdfast::sim
