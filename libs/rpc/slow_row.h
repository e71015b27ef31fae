// Notices within a second that one instance has become slow while the others have not: the gray
// failure that neither probes nor errors show, and that a ratio over the last ten seconds sees only
// when most of them are over.
//
// A row is a run of tries on one instance of which, at any moment of it, three of four were slow.
// It condemns the instance when
//   - a try that began `at_least` after the first one is slow too: a garbage collector has ended
//     its pause by then, and what was under way when everybody was slow had begun before,
//   - it has five tries, and the others were tried five times meanwhile: fewer say nothing,
//   - of the others' tries meanwhile at most a quarter was slow: when everybody is slow, nobody is
//     condemned, however slow he is, and
//   - such a row would come by chance less than once in a million, if the instance were as often
//     slow as the others were meanwhile. Where every eighth try is slow by nature a row of nothing
//     but slow tries needs seven of them, where every fourth is, ten.
// It is compared with the same moments only and never with the time before. Rows are short: one
// that is four times as old as `at_least` is forgotten and begins anew, so that what was true of
// everybody then does not speak for or against one now.
#pragma once

#include <atomic>
#include <cstdint>

#include "libs/base/clock.h"

namespace holdfast::rpc {

// How many tries on the instances of one neighbour were answered, and how many of them slowly.
// Thread-safe, takes no lock.
class SlowTally {
 public:
  struct Counts {
    std::int64_t tries = 0;
    std::int64_t slow = 0;
  };

  void Count(bool slow);
  // The two were not read at one moment: they may be apart by what is counted just now.
  Counts counts() const;

 private:
  std::atomic<std::int64_t> tries_ = 0;
  std::atomic<std::int64_t> slow_ = 0;
};

// The row of one instance. Values in, decision out; not thread-safe.
class SlowRow {
 public:
  // Something new begins.
  void End() { tries_ = slow_ = 0; }

  // One more answer, to a try that began then; `all` counted with it. True: the row condemns; a
  // good answer never does. `at_least` zero: none does.
  bool Count(bool slow, SteadyTime began, SlowTally::Counts all, Duration at_least);

 private:
  bool Condemns(SlowTally::Counts all) const;

  std::int64_t tries_ = 0;
  std::int64_t slow_ = 0;
  SteadyTime began_ = {};            // its first try; while tries_ > 0, as is the next
  SlowTally::Counts at_begin_ = {};  // with the first answer of the row
};

}  // namespace holdfast::rpc
