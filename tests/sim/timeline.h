// Virtual time: what happens when, in an order that depends on nothing but what was asked for.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "libs/base/clock.h"

namespace holdfast::sim {

// Somebody to whom things happen. `what` and `with` mean what the actor wants them to mean.
class Actor {
 public:
  virtual void Act(std::uint32_t what, std::uint64_t with) = 0;

 protected:
  ~Actor() = default;
};

// The clock of the simulated world and the calendar of its events. Events of the same nanosecond
// happen in the order in which they were asked for. Actors must outlive their events.
//
// A calendar queue: near events lie in buckets of a quarter of a millisecond, far ones in buckets
// of a second; only the bucket that is being lived through is sorted. Several million events a
// second, however many are waiting.
class Timeline final : public Clock {
 public:
  Timeline();

  void In(Duration wait, Actor& actor, std::uint32_t what, std::uint64_t with = 0);
  void RunFor(Duration time);
  // What was asked for so far by actors of which `whose` is true happens so much later. Slow: looks
  // at every event.
  void Postpone(const std::function<bool(const Actor&)>& whose, Duration by);

  WallTime Now() const override;
  SteadyTime SteadyNow() const override { return SteadyTime(Duration(now_)); }
  Duration elapsed() const { return Duration(now_ - kStart); }

  std::uint64_t events() const { return lived_; }
  // Everything that happened so far, as one number: two runs with one digest were the same run.
  std::uint64_t digest() const { return digest_; }

 private:
  struct Event {
    std::int64_t at;
    std::uint64_t number;
    Actor* actor;
    std::uint64_t with;
    std::uint32_t what;
  };
  using Bucket = std::vector<Event>;

  static constexpr std::int64_t kStart = 3'600'000'000'000'000;  // 1000 hours: never near zero
  static constexpr int kNearBits = 18;                           // a near bucket: 0.26 ms
  static constexpr int kFarBits = 30;                            // a far bucket: 1.07 s
  static constexpr std::size_t kBuckets = std::size_t{1} << (kFarBits - kNearBits);

  static bool Later(const Event& a, const Event& b);
  void Place(const Event& event);
  bool Advance(std::int64_t end);  // to the next bucket; false: `end` lies before it
  void Live(const Event& event);

  std::int64_t now_ = kStart;
  std::int64_t near_now_ = kStart >> kNearBits;  // the bucket that is being lived through
  std::uint64_t asked_ = 0;
  std::uint64_t lived_ = 0;
  std::uint64_t digest_ = 0xcbf29ce484222325;
  Bucket current_;  // a heap, earliest first
  std::vector<Bucket> near_;
  std::vector<Bucket> far_;
};

}  // namespace holdfast::sim
