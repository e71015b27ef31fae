// More to do than can be done, and less than usual to do it with.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

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

// The same where work is done on the thread on which it arrives, and no queue of ours exists.
Report OverloadFromMemory(std::uint64_t seed) {
  Report report(
      "Three instances at 70 % load whose methods are inline; for eight seconds three times as "
      "much arrives as they can do. Critical calls stay as many as before, a tenth of capacity. "
      "The shed level rises by up to a quarter of a class every 100 ms, and falls by a twentieth.");
  const TwoTiers plan = {.front_per_zone = 3, .back_per_zone = 1, .work = 2ms, .from_memory = true};
  Stage stage(plan, seed);
  SetLoad(stage, plan, kCalm);
  stage.Run(2s);
  const Window calm = stage.Run(4s);
  const auto highest_level = [&] {
    double level = 0;
    for (std::size_t n = 0; n < 3; ++n) {
      level = std::max(level, stage.BackProcess(n).server().shed_level());
    }
    return level;
  };
  const double level_before = highest_level();
  SetLoad(stage, plan, 3);
  const Window first = stage.Run(3s);
  const Window storm = stage.Run(5s);
  const double level = highest_level();
  SetLoad(stage, plan, kCalm);
  const Duration recovery = RecoveryTime(stage, calm.call_times[1].Quantile(0.99), 12s);
  const double goodput =
      static_cast<double>(storm.all().good()) / std::chrono::duration<double>(5s).count();
  report.AtMost("shed level before", level_before, 0.0);
  report.Show("calls in the last five seconds", fmt::format("{}", storm.all().calls));
  report.ShareAtLeast("useful answers, of capacity", goodput / plan.Capacity(), 0.8);
  report.ShareAtLeast("success of critical calls, first three seconds", first.critical().success(),
                      0.99);
  report.ShareAtLeast("success of critical calls, then", storm.critical().success(), 0.999);
  report.Show("success of interactive calls",
              fmt::format("{:.1f} %", storm.calls[1].success() * 100));
  report.Show("success of background calls",
              fmt::format("{:.1f} %", storm.calls[2].success() * 100));
  report.Show("success of bulk calls", fmt::format("{:.1f} %", storm.calls[3].success() * 100));
  report.AtMost("p99 of critical calls", storm.call_times[0].Quantile(0.99), 150ms);
  report.AtMost("tries for each call", storm.amplification(), 1.1);
  report.AtLeast("shed level in the storm", level, 1.0);
  report.AtMost("not yet as before, after the storm", recovery, 6500ms);
  report.AtMost("shed level at the end", highest_level(), 0.0);
  return report;
}

// Two services call one. One of them goes mad.
Report RunawayCaller(std::uint64_t seed) {
  enum Service : std::size_t { kQuiet, kRunaway, kBack };
  Report report(
      "Two services call six instances, each at 8 % of what those can do; then for ten seconds one "
      "of them sends twenty times as much, of the same class. Callers share fairly, so the other "
      "one hardly notices.");
  const TwoTiers plan = {.front_per_zone = 2, .back_per_zone = 2, .work = 8ms};
  std::vector<ServiceSpec> services = plan.Services();
  services[0].calls = {kBack};
  services.insert(services.begin() + 1, services[0]);
  services[kQuiet].name = "quiet";
  services[kRunaway].name = "runaway";
  World world(std::move(services), seed);
  Traffic traffic(world);
  constexpr std::array<double, kCriticalities> kShares = {0, 1, 0, 0};
  const double rate = 0.08 * plan.Capacity();
  for (const Service from : {kQuiet, kRunaway}) {
    for (std::size_t i = 0; i < kCriticalities; ++i) {
      traffic.Add({.from = from,
                   .to = kBack,
                   .method = TwoTiers::kRead,
                   .criticality = static_cast<Criticality>(i),
                   .per_second = rate * kShares[i]});
    }
  }
  const auto made_by = [&](const Window& window, Service service) {
    Tally sum;
    for (const std::size_t process : world.of(service)) sum += window.made_by(process);
    return sum;
  };
  world.RunFor(5s);
  const Window calm = world.recorder.Look();
  const auto run_away = [&](double times) {
    for (std::size_t i = 0; i < kCriticalities; ++i) {
      traffic.SetRate(kCriticalities + i, times * rate * kShares[i]);
    }
  };
  run_away(20);
  world.RunFor(10s);
  const Window storm = world.recorder.Look();
  run_away(1);
  world.RunFor(1s);
  world.recorder.Look();
  world.RunFor(4s);
  const Window after = world.recorder.Look();
  report.AtMost("failed calls of both before", calm.all().failed, std::uint64_t{0});
  report.Show("calls of the runaway one", fmt::format("{}", made_by(storm, kRunaway).calls));
  report.ShareAtMost("success of the runaway one", made_by(storm, kRunaway).success(), 0.8);
  report.Show("calls of the other one", fmt::format("{}", made_by(storm, kQuiet).calls));
  report.ShareAtLeast("success of the other one", made_by(storm, kQuiet).success(), 0.999);
  report.AtMost("tries for each call", storm.amplification(), 1.1);
  report.AtMost("failed calls of both, a second later", after.all().failed, std::uint64_t{0});
  return report;
}

Report TwoTimes(std::uint64_t seed) { return Overload(seed, 2); }
Report FiveTimes(std::uint64_t seed) { return Overload(seed, 5); }
Report TwentyTimes(std::uint64_t seed) { return Overload(seed, 20); }

}  // namespace

std::vector<Scenario> OverloadScenarios() {
  const std::vector<std::string_view> stood = {"useful answers, of capacity",
                                               "success of critical calls, then",
                                               "not yet as before, after the storm"};
  return {
      {"overload_2x", "Twice as much as can be done", TwoTimes, stood},
      {"overload_5x", "Five times as much as can be done", FiveTimes, stood},
      {"overload_20x", "Twenty times as much as can be done", TwentyTimes, stood},
      {"overload_from_memory", "Three times as much for inline methods", OverloadFromMemory, stood},
      {"runaway_caller",
       "One caller sends twenty times as much",
       RunawayCaller,
       {"success of the other one", "success of the runaway one"}}};
}

}  // namespace holdfast::sim
