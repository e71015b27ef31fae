// More to do than can be done, and less than usual to do it with.
#include <fmt/format.h>

#include <array>

#include "tests/sim/scenario.h"

namespace holdfast::sim {

namespace {

using namespace std::chrono_literals;

constexpr double kCalm = 0.7;  // of capacity, a tenth of capacity critical

void SetLoad(Stage& stage, const TwoTiers& plan, double load) {
  const double capacity = plan.Capacity();
  const double critical = 0.1 * capacity;
  const double rest = load * capacity - critical;
  constexpr std::array<double, kCriticalities> kShares = {0, 0.6, 0.25, 0.15};
  stage.SetRate(Criticality::kCritical, critical);
  for (std::size_t i = 1; i < kCriticalities; ++i) {
    stage.SetRate(static_cast<Criticality>(i), rest * kShares[i]);
  }
}

// Until calls are answered as before, in steps of half a second; at most so long.
Duration RecoveryTime(Stage& stage, Duration p99_before, Duration at_most) {
  Duration recovered = {};
  for (Duration waited = 500ms; waited <= at_most; waited += 500ms) {
    const Window step = stage.Run(500ms);
    const bool well =
        step.all().success() >= 0.999 && step.call_times[1].Quantile(0.99) <= 2 * p99_before;
    if (!well) recovered = waited;
  }
  return recovered;
}

Report Overload(std::uint64_t seed, double times) {
  Report report(fmt::format(
      "Six instances at 70 % load; for six seconds {:g} times as much arrives as they can do. "
      "Critical calls stay as many as before, a tenth of capacity; the others surge.",
      times));
  const TwoTiers plan = {.front_per_zone = 5, .back_per_zone = 2, .work = 8ms};
  Stage stage(plan, seed);
  SetLoad(stage, plan, kCalm);
  stage.Run(2s);
  const Window calm = stage.Run(4s);
  SetLoad(stage, plan, times);
  const Window first = stage.Run(1s);
  const Window storm = stage.Run(5s);
  SetLoad(stage, plan, kCalm);
  const Duration recovery = RecoveryTime(stage, calm.call_times[1].Quantile(0.99), 15s);
  const double goodput =
      static_cast<double>(storm.all().good()) / std::chrono::duration<double>(5s).count();
  report.Show("calls in the storm", fmt::format("{}", storm.all().calls));
  report.ShareAtLeast("useful answers, of capacity", goodput / plan.Capacity(), 0.9);
  report.ShareAtLeast("success of critical calls, first second", first.critical().success(), 0.99);
  report.ShareAtLeast("success of critical calls, then", storm.critical().success(), 0.999);
  report.Show("success of interactive calls",
              fmt::format("{:.1f} %", storm.calls[1].success() * 100));
  report.Show("success of background calls",
              fmt::format("{:.1f} %", storm.calls[2].success() * 100));
  report.Show("success of bulk calls", fmt::format("{:.1f} %", storm.calls[3].success() * 100));
  report.AtMost("p99 of critical calls", storm.call_times[0].Quantile(0.99), 150ms);
  report.AtMost("tries for each call", storm.amplification(), 1.1);
  report.AtMost("not yet as before, after the storm", recovery, 5s);
  return report;
}

Report TwoTimes(std::uint64_t seed) { return Overload(seed, 2); }
Report FiveTimes(std::uint64_t seed) { return Overload(seed, 5); }
Report TwentyTimes(std::uint64_t seed) { return Overload(seed, 20); }

}  // namespace

std::vector<Scenario> OverloadScenarios() {
  return {{"overload_2x", "Twice as much as can be done", TwoTimes},
          {"overload_5x", "Five times as much as can be done", FiveTimes},
          {"overload_20x", "Twenty times as much as can be done", TwentyTimes}};
}

}  // namespace holdfast::sim
