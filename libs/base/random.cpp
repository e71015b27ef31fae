#include "libs/base/random.h"

#include <sys/random.h>

#include <vector>

#include "libs/base/check.h"
#include "libs/base/encoding.h"

namespace holdfast {

double Random::Uniform() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }

std::uint64_t Random::Below(std::uint64_t bound) {
  return static_cast<std::uint64_t>(Uniform() * static_cast<double>(bound));
}

std::uint64_t SeededRandom::Next() {
  absl::MutexLock lock(&mutex_);
  return engine_();
}

void SecureBytes(std::span<std::uint8_t> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t got = getrandom(out.data() + done, out.size() - done, 0);
    if (got < 0 && errno == EINTR) continue;
    HOLDFAST_CHECK(got > 0);
    done += static_cast<std::size_t>(got);
  }
}

std::string SecureHex(std::size_t bytes) {
  std::vector<std::uint8_t> raw(bytes);
  SecureBytes(raw);
  return ToHex({reinterpret_cast<const char*>(raw.data()), raw.size()});
}

std::uint64_t SecureSeed() {
  std::array<std::uint8_t, sizeof(std::uint64_t)> raw;
  SecureBytes(raw);
  std::uint64_t seed = 0;
  for (const std::uint8_t byte : raw) seed = seed << 8 | byte;
  return seed;
}

}  // namespace holdfast
