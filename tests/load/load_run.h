// Plays many boxes that are switched on at given times, whatever the portal does (open loop): a
// slow answer delays its own box and nobody else, so that waiting is measured and not avoided.
//
// One thread, no sleeping between what is due. Bounded: so many boxes, so many connections, and
// each box gives up after `patience`.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/load/start_sequence.h"

namespace holdfast::load {

using SteadyClock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

struct LoadOptions {
  std::uint16_t port = 0;  // on this machine
  std::chrono::milliseconds patience = std::chrono::seconds(10);
  std::size_t max_connections = 8000;
  // A box that could not start tries again after half to one and a half times this, until
  // `last_try` after the begin of the run. Zero: it does not, and counts as what stopped it.
  std::chrono::milliseconds retry_pause = std::chrono::milliseconds(0);
  std::chrono::milliseconds last_try = std::chrono::minutes(5);
  std::uint64_t seed = 1;
};

struct ScheduledBox {
  SteadyClock::duration at;  // after the start of the run
  StartSequence sequence;
};

struct LoadResult {
  std::size_t boxes = 0;
  std::size_t started = 0;  // all steps answered well
  std::size_t shed = 0;     // told to come back, or not let in
  std::size_t broken = 0;   // got an answer that a box cannot use
  std::size_t gave_up = 0;  // not through when the patience was over
  std::size_t retries = 0;  // of boxes that then started, or were stopped for good
  // Answers that boxes could not use, those included after which a box tried again.
  std::size_t broken_answers = 0;
  double last_start_s = 0;  // when the last box was through, after the begin of the run
  std::string first_broken;
  // From the moment a request was due: for the first one that is when the box was switched on, for
  // the others when the answer before had come. Requests that were never answered count as long as
  // was waited for them.
  std::vector<double> request_ms;
  std::vector<double> start_ms;  // from switching on to the last answer; all boxes, as above
  std::vector<double> late_ms;   // how late this program itself began with a box
  std::vector<StartSequence> finished;
  double seconds = 0;
};

LoadResult RunLoad(const LoadOptions& options, std::vector<ScheduledBox> boxes);

// 0 for no samples. Sorts.
double Percentile(std::vector<double>& samples, double percent);

}  // namespace holdfast::load
