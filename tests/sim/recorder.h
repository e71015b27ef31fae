// What happened, counted: the figures that scenarios make their claims about.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "tests/sim/spec.h"
#include "tests/sim/timeline.h"

namespace holdfast::sim {

// Times on a logarithmic scale, eight steps to a doubling: quantiles are exact to 9 %.
class TimeHistogram {
 public:
  void Add(Duration time);
  Duration Quantile(double q) const;  // zero when empty
  std::uint64_t count() const { return count_; }

 private:
  std::array<std::uint32_t, 320> steps_ = {};
  std::uint64_t count_ = 0;
};

struct Tally {
  std::uint64_t calls = 0;
  std::uint64_t failed = 0;

  std::uint64_t good() const { return calls - failed; }
  double success() const;  // 1 when there were no calls
  Tally& operator+=(const Tally& other);
};

// Everything between two looks.
struct Window {
  Duration from = {};  // since the world began
  Duration to = {};
  std::array<Tally, kCriticalities> calls;  // between services, as their callers saw them
  std::array<TimeHistogram, kCriticalities> call_times;
  std::uint64_t tries = 0;              // of these calls, canaries included
  std::vector<std::uint32_t> tries_to;  // by process, without canaries
  std::vector<Tally> calls_by;          // by process that made them
  // Tries for which somebody waits, by the zones of caller and instance.
  std::array<std::array<std::uint64_t, kZones>, kZones> tries_between = {};
  std::uint64_t hedges = 0;        // of these tries
  std::uint64_t ejections = 0;     // a caller stopped using an instance
  std::uint64_t readmissions = 0;  // and used it again

  Tally all() const;
  std::uint32_t tries_of(std::size_t process) const {
    return process < tries_to.size() ? tries_to[process] : 0;
  }
  Tally made_by(std::size_t process) const {
    return process < calls_by.size() ? calls_by[process] : Tally{};
  }
  Tally critical() const { return calls[0]; }
  Tally awaited() const;         // critical and interactive: a person waits
  Tally background() const;      // background and bulk
  double amplification() const;  // tries for each call
  Duration seconds() const { return to - from; }
};

class Recorder {
 public:
  explicit Recorder(const Timeline& timeline) : timeline_(timeline) {}

  void CallEnded(std::size_t by, Criticality criticality, absl::StatusCode code, Duration took);
  enum class For { kSomebody, kCanary };
  void TryBegan(Place from, Place to, For whom);
  void Hedged() { ++window_.hedges; }
  void Ejected() { ++window_.ejections; }
  void Readmitted() { ++window_.readmissions; }

  // The window that ends here; the next one begins.
  Window Look();
  // When the latest try for which somebody waited was sent to it.
  Duration last_try(std::size_t process) const;
  Duration last_try_between(int from_zone, int to_zone) const {
    return last_between_[static_cast<std::size_t>(from_zone)][static_cast<std::size_t>(to_zone)];
  }

 private:
  const Timeline& timeline_;
  Window window_;
  std::vector<Duration> last_try_;
  std::array<std::array<Duration, kZones>, kZones> last_between_ = {};
};

}  // namespace holdfast::sim
