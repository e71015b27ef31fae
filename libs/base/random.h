// Randomness as an argument, so that a test can repeat what it saw.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <span>
#include <string>

#include "absl/synchronization/mutex.h"

namespace holdfast {

// For jitter, sampling and choice; never for secrets (see SecureBytes). Thread-safe.
class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t Next() = 0;

  double Uniform();                             // [0, 1)
  std::uint64_t Below(std::uint64_t bound);     // [0, bound), 0 for bound 0
};

// Seeded once; the same seed gives the same sequence.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t Next() override;

 private:
  absl::Mutex mutex_;
  std::mt19937_64 engine_ ABSL_GUARDED_BY(mutex_);
};

// Bytes from the kernel, fit for keys and identifiers.
void SecureBytes(std::span<std::uint8_t> out);
std::string SecureHex(std::size_t bytes);  // lower case, two digits a byte
std::uint64_t SecureSeed();

}  // namespace holdfast
