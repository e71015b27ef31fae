// Knobs of a neighbour that are changed while running, as the admin port changes them: wrongly.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "libs/base/check.h"
#include "tests/sim/scenario.h"

namespace holdfast::sim {

namespace {

using namespace std::chrono_literals;
using Assignments = std::vector<std::string>;

rpc::PeerOptions Knobs(Stage& stage, std::size_t process) {
  return stage.world.process(process).caller(TwoTiers::kBack).options();
}

absl::Status Change(Stage& stage, std::size_t process, const Assignments& assignments) {
  return stage.world.process(process).caller(TwoTiers::kBack).Change(assignments);
}

// One knob of each is out of bounds, unknown or no number; the others would do harm.
const std::vector<Assignments>& RefusedSets() {
  static const std::vector<Assignments> sets = {
      {"try_timeout=1ms", "retry_share=1", "max_in_flight=0"},
      {"max_in_flight=1", "retry_share=nan"},
      {"max_in_flight=1", "retry_share=1.01"},
      {"max_in_flight=1", "probe_interval=0ms"},
      {"max_in_flight=1", "timeout=5"},
      {"max_in_flight=1", "no_such_knob=1"},
      {"max_in_flight=1", "retry_share"},
  };
  return sets;
}

Report RefusedKnobs(std::uint64_t seed) {
  Report report(
      "Nine instances at 60 % load; every caller is sent seven sets of knobs, each with one that "
      "is out of bounds, unknown or no number beside others that would do harm.");
  Stage stage({}, seed);
  Stage calm({}, seed);
  std::uint64_t taken = 0;
  std::uint64_t unnamed = 0;
  std::uint64_t changed = 0;
  for (const std::size_t caller : stage.world.of(TwoTiers::kFront)) {
    const std::string before = Show(Knobs(stage, caller));
    for (const Assignments& set : RefusedSets()) {
      const absl::Status status = Change(stage, caller, set);
      const std::string& culprit = set.back();
      taken += status.ok();
      const auto named = status.message().find(culprit.substr(0, culprit.find('=')));
      unnamed += named == status.message().npos;
    }
    changed += Show(Knobs(stage, caller)) != before;
  }
  const Window window = stage.Run(5s);
  calm.Run(5s);
  report.Show("sets that were sent",
              fmt::format("{}", RefusedSets().size() * stage.world.of(TwoTiers::kFront).size()));
  report.AtMost("sets that were taken", taken, std::uint64_t{0});
  report.AtMost("refusals that do not name the knob at fault", unnamed, std::uint64_t{0});
  report.AtMost("callers whose knobs have changed", changed, std::uint64_t{0});
  report.AtMost("failed critical or interactive calls", window.awaited().failed, std::uint64_t{0});
  report.AtMost("tries for each call", window.amplification(), 1.1);
  report.Exactly("runs that differ from one without them",
                 stage.world.timeline.digest() != calm.world.timeline.digest(), 0);
  return report;
}

// What a bad set of knobs did while it was rolled out, and after it was taken back.
struct Rollout {
  Tally poisoned;                   // calls of callers that had it
  std::uint64_t others_failed = 0;  // calls of the others
  Tally critical;
  double amplification = 1;
  Duration recovery = {};
  Window after;
};

constexpr std::size_t kPoisoned = 10;  // of 30 callers, when somebody notices

// To one caller a second; at the tenth it is stopped and taken back from all.
Rollout RollOut(Stage& stage, const Assignments& bad, const Assignments& good) {
  Rollout seen;
  const auto& front = stage.world.of(TwoTiers::kFront);
  for (std::size_t n = 1; n <= kPoisoned; ++n) {
    HOLDFAST_CHECK(Change(stage, front[n - 1], bad).ok());
    const Window step = stage.Run(1s);
    for (std::size_t i = 0; i < front.size(); ++i) {
      const Tally made = step.made_by(front[i]);
      i < n ? void(seen.poisoned += made) : void(seen.others_failed += made.failed);
    }
    seen.critical += step.critical();
    seen.amplification = std::max(seen.amplification, step.amplification());
  }
  for (std::size_t n = 0; n < kPoisoned; ++n) {
    HOLDFAST_CHECK(Change(stage, front[n], good).ok());
  }
  constexpr Duration kStep = 50ms;
  for (Duration waited = kStep; waited <= 3s; waited += kStep) {
    if (stage.Run(kStep).all().failed > 0) seen.recovery = waited;
  }
  seen.after = stage.Run(5s);
  return seen;
}

void ClaimRecovered(Report& report, Stage& stage, const Rollout& seen) {
  report.AtMost("calls still failing after it is taken back, for", seen.recovery, 500ms);
  report.AtMost("failed calls later", seen.after.all().failed, std::uint64_t{0});
  report.AtMost("busiest instance at the end, times its fair share", stage.Unfairness(seen.after),
                1.3);
}

Report ImpatientKnobs(std::uint64_t seed) {
  Report report(
      "Nine instances at 60 % load; try_timeout=1ms, retry_share=1 and retry_min_per_second=100000 "
      "go to one of 30 callers after another, one a second, and are taken back at the tenth: no "
      "answer comes within a millisecond, and no budget holds the tries back.");
  Stage stage({}, seed);
  const Rollout seen =
      RollOut(stage, {"try_timeout=1ms", "retry_share=1", "retry_min_per_second=100000"},
              {"try_timeout=150ms", "retry_share=0.2", "retry_min_per_second=10"});
  report.Show("calls of callers that had them", fmt::format("{}", seen.poisoned.calls));
  report.AtMost("failed critical calls", seen.critical.failed, std::uint64_t{0});
  report.AtMost("failed calls of the other callers", seen.others_failed, std::uint64_t{0});
  report.AtMost("tries for each call, worst second", seen.amplification, 1.1);
  ClaimRecovered(report, stage, seen);
  return report;
}

Report NarrowKnobs(std::uint64_t seed) {
  Report report(
      "Nine instances at 60 % load; max_in_flight=1 goes to one of 30 callers after another, one a "
      "second, and is taken back at the tenth. What such a caller wants beyond one call at a time "
      "is refused in its own process.");
  Stage stage({}, seed);
  const Rollout seen = RollOut(stage, {"max_in_flight=1"}, {"max_in_flight=256"});
  report.Show("calls of callers that had it", fmt::format("{}", seen.poisoned.calls));
  report.Show("success of their calls", fmt::format("{:.1f} %", seen.poisoned.success() * 100));
  report.AtMost("failed calls of the other callers", seen.others_failed, std::uint64_t{0});
  report.AtMost("tries for each call, worst second", seen.amplification, 1.1);
  ClaimRecovered(report, stage, seen);
  return report;
}

}  // namespace

std::vector<Scenario> KnobScenarios() {
  return {
      {"refused_knobs",
       "Poisoned knobs are refused",
       RefusedKnobs,
       {"sets that were taken", "runs that differ from one without them"}},
      {"impatient_knobs",
       "Poisoned knobs: callers that do not wait",
       ImpatientKnobs,
       {"failed critical calls", "tries for each call, worst second",
        "calls still failing after it is taken back, for"}},
      {"narrow_knobs",
       "Poisoned knobs: callers that refuse themselves",
       NarrowKnobs,
       {"failed calls of the other callers", "calls still failing after it is taken back, for"}}};
}

}  // namespace holdfast::sim
