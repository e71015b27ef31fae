// How much to refuse of the work that no queue of ours ever sees: requests that are answered where
// they arrive, from memory. Nobody can count those that wait in the kernel, but a thread that never
// rests, or that comes late to what has arrived, says that they do.
//
//   shed level   0        1             2               3
//                |  bulk  |  background |  interactive  |   critical: never
//
// Between two marks a part of the class is refused. Which callers: those whose hash lies below the
// part, the same ones for as long as the overload lasts, because a box that gets every second of
// its start-up answers has nothing. The next overload picks others.
//
// Admits: any thread, one relaxed load. Update: one thread at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

#include "libs/base/criticality.h"
#include "libs/base/random.h"

namespace holdfast::admission {

class LoadLevel {
 public:
  struct Options {
    double up = 0.25;    // of a class, per update at twice the pressure that is right
    double down = 0.05;  // per update without pressure
  };

  LoadLevel(const Options& options, Random& random) : options_(options), random_(random) {}

  // Once per window of about 100 ms. `pressure`: 1 is as much as is right.
  void Update(double pressure);

  // False: refuse, in few words. `who` tells callers apart.
  bool Admits(Criticality criticality, std::string_view who) const {
    const std::uint32_t shed = shed_.load(std::memory_order_relaxed);
    return shed == 0 || AdmitsUnderLoad(criticality, who, shed);
  }

  bool sheds() const { return shed_.load(std::memory_order_relaxed) != 0; }
  double level() const { return level_.load(std::memory_order_relaxed); }

 private:
  bool AdmitsUnderLoad(Criticality criticality, std::string_view who, std::uint32_t shed) const;

  const Options options_;
  Random& random_;
  std::atomic<double> level_ = 0;
  std::atomic<std::uint32_t> shed_ = 0;  // the level in 1/1024
  std::atomic<std::uint32_t> salt_ = 0;  // of this overload
};

}  // namespace holdfast::admission
