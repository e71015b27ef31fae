// A part of the plant goes away at once.
#include <fmt/format.h>

#include <string_view>
#include <vector>

#include "tests/sim/scenario.h"

namespace holdfast::sim {

namespace {

using namespace std::chrono_literals;

constexpr Duration kSlowest = 250ms;

// Machines of one zone fall silent: every second of them, or all.
enum class Part { kHalf, kWhole };

std::vector<std::size_t> Darken(Stage& stage, int zone, Part part) {
  std::vector<std::size_t> dark;
  int seen = 0;
  for (const auto& process : stage.world.processes) {
    if (process->zone() != zone) continue;
    if (part == Part::kHalf && ++seen % 2 == 0) continue;
    process->GoDark();
    dark.push_back(process->index());
  }
  return dark;
}

struct LossPlan {
  TwoTiers tiers = {.back_per_zone = 6, .work = 8ms};
  Duration slowest = 50ms;  // p99.9 of critical calls, once the zone is out of use
  double busiest = 1.3;     // times the fair share, at the end
};

Report LoseZone(std::uint64_t seed, Part part, std::string_view story, const LossPlan& plan = {}) {
  Report report(story);
  Stage stage(plan.tiers, seed);
  const std::vector<std::size_t> dark = Darken(stage, 1, part);
  const Window first = stage.Run(2s);
  const Window trouble = stage.Run(8s);
  ShowCalls(report, "in ten seconds", trouble);
  report.AtMost("failed critical calls", first.critical().failed + trouble.critical().failed,
                std::uint64_t{0});
  report.ShareAtLeast("success of all calls in the first two seconds", first.all().success(),
                      0.999);
  report.AtMost("failed critical or interactive calls after two seconds", trouble.awaited().failed,
                std::uint64_t{0});
  report.AtMost("p99.9 of critical calls in the first two seconds",
                first.call_times[0].Quantile(0.999), 400ms);
  report.AtMost("p99.9 of critical calls after two seconds", trouble.call_times[0].Quantile(0.999),
                plan.slowest);
  report.AtMost("tries for each call in the first two seconds", first.amplification(), 1.1);
  report.AtMost("tries for each call after two seconds", trouble.amplification(), 1.01);
  for (const std::size_t process : dark) {
    stage.world.process(process).Start(stage.world.dice.Between(1s, 3s));
  }
  const Window returning = stage.Run(5s);
  report.AtMost("failed critical or interactive calls while the zone returns",
                returning.awaited().failed, std::uint64_t{0});
  stage.Run(10s);
  report.AtMost("busiest instance at the end, times its fair share",
                stage.Unfairness(stage.Run(3s)), plan.busiest);
  return report;
}

Report HalfZone(std::uint64_t seed) {
  return LoseZone(seed, Part::kHalf,
                  "18 instances in three zones at 60 % load; every second machine of one zone "
                  "falls silent for ten seconds, without a word to anybody.");
}

Report WholeZone(std::uint64_t seed) {
  return LoseZone(seed, Part::kWhole,
                  "18 instances in three zones at 60 % load; all machines of one zone fall silent "
                  "for ten seconds, without a word to anybody.");
}

Report WholeZoneOfThousands(std::uint64_t seed) {
  return LoseZone(
      seed, Part::kWhole,
      "2,001 instances of one core in three zones at 30 % load, called by 30; all "
      "machines of one zone fall silent for ten seconds, without a word to anybody.",
      {.tiers = {.back_per_zone = 667, .load = 0.3, .work = 20ms, .cores = 1, .threads = 4},
       .slowest = 200ms,
       .busiest = 2});  // forty calls each: chance alone makes it 1.5
}

// Zone a must need the others: own-zone preference keeps its calls at home otherwise.
Report OneWayPartition(std::uint64_t seed) {
  Report report(
      "Nine instances at 40 % load, and two of the three in zone a are dead, so that its callers "
      "send half of their calls to b and c; then for ten seconds nothing arrives in zone c that "
      "zone a sends, while all else arrives.");
  constexpr int kA = 0;
  constexpr int kC = 2;
  Stage stage({.load = 0.4}, seed);
  for (const std::size_t n : {std::size_t{0}, std::size_t{3}}) stage.BackProcess(n).Crash();
  stage.Run(3s);
  const Window before = stage.Run(3s);
  const Duration fault = stage.now();
  stage.world.network.CutZones(kA, kC, true);
  const Window first = stage.Run(1s);
  const Duration last = stage.world.recorder.last_try_between(kA, kC);
  const Window trouble = stage.Run(9s);
  report.AtLeast("calls from a to c in the three seconds before", before.tries_between[kA][kC],
                 std::uint64_t{300});
  ShowCalls(report, "in the last nine seconds", trouble);
  report.AtMost("failed critical or interactive calls in the first second", first.awaited().failed,
                std::uint64_t{0});
  ClaimUnharmed(report, trouble, kSlowest);
  report.AtMost("tries for each call in the first second", first.amplification(), 1.1);
  report.AtMost("c in use by a after the cut", last - fault, 750ms);
  report.AtMost("calls from a to c later", trouble.tries_between[kA][kC], std::uint64_t{0});
  report.AtLeast("calls from c to c later", trouble.tries_between[kC][kC], std::uint64_t{1000});
  stage.world.network.CutZones(kA, kC, false);
  const Window healed = stage.Run(5s);
  report.AtMost("failed critical or interactive calls after it heals", healed.awaited().failed,
                std::uint64_t{0});
  report.AtLeast("calls from a to c after it heals", healed.tries_between[kA][kC],
                 std::uint64_t{100});
  return report;
}

// What tests/resilience/zones.py does to real processes.
Report SmallPlantCut(std::uint64_t seed) {
  Report report(
      "Two instances a zone that do four calls of 40 ms at a time, three callers, 60 % load, a "
      "fifth of the calls critical, half interactive, the others background; the instances of zone "
      "a are "
      "cut off both ways for eight seconds, which leaves room for all calls.");
  Stage stage({.front_per_zone = 1,
               .back_per_zone = 2,
               .work = 40ms,
               .steady = true,
               .threads = 4,
               .shares = {0.2, 0.5, 0.3, 0}},
              seed);
  const auto cut = [&](bool off) {
    for (const std::size_t n : {std::size_t{0}, std::size_t{3}}) {
      stage.world.network.CutInbound(stage.back(n), off);
      stage.world.network.CutOutbound(stage.back(n), off);
    }
  };
  stage.Run(5s);
  cut(true);
  const Window first = stage.Run(1s);
  const Window trouble = stage.Run(7s);
  cut(false);
  ShowCalls(report, "in the last seven seconds", trouble);
  report.AtMost("failed critical calls", first.critical().failed + trouble.critical().failed,
                std::uint64_t{0});
  report.Show("success of background calls in the first second",
              fmt::format("{:.1f} %", first.background().success() * 100));
  report.AtMost("failed critical or interactive calls later", trouble.awaited().failed,
                trouble.awaited().calls / 50);
  report.ShareAtLeast("success of background calls later", trouble.background().success(), 0.9);
  report.AtMost("tries for each call in the first second", first.amplification(), 1.5);
  report.AtMost("tries for each call later", trouble.amplification(), 1.1);
  stage.Run(1s);
  report.AtMost("failed critical or interactive calls, a second after it heals",
                stage.Run(5s).awaited().failed, std::uint64_t{0});
  return report;
}

Report DeafInstance(std::uint64_t seed) {
  Report report(
      "Nine instances at 60 % load; one of them hears everything and nobody hears it, for ten "
      "seconds.");
  Stage stage({}, seed);
  const Duration fault = stage.now();
  stage.world.network.CutOutbound(stage.back(4), true);
  const Window trouble = stage.Run(10s);
  ShowCalls(report, "in these seconds", trouble);
  ClaimUnharmed(report, trouble, kSlowest);
  report.AtMost("in use after the cut", stage.InUseFor(4, fault), 750ms);
  stage.world.network.CutOutbound(stage.back(4), false);
  const Window healed = stage.Run(5s);
  report.AtMost("failed critical or interactive calls after it heals", healed.awaited().failed,
                std::uint64_t{0});
  return report;
}

}  // namespace

std::vector<Scenario> ZoneScenarios() {
  const std::vector<std::string_view> lost = {
      "failed critical calls", "failed critical or interactive calls after two seconds",
      "tries for each call in the first two seconds"};
  return {
      {"half_zone", "Half of a zone falls silent", HalfZone, lost},
      {"whole_zone", "A whole zone falls silent", WholeZone, lost},
      {"zone_of_thousands", "A zone of 667 instances falls silent", WholeZoneOfThousands, lost,
       Scenario::Size::kBig},
      {"small_plant_cut",
       "A zone of two instances is cut off at 60 % load",
       SmallPlantCut,
       {"failed critical calls", "success of background calls later"}},
      {"one_way_partition",
       "Two zones are cut in one direction",
       OneWayPartition,
       {"failed critical or interactive calls in the first second", "c in use by a after the cut"}},
      {"deaf_instance",
       "An instance is cut in one direction",
       DeafInstance,
       {"failed critical or interactive calls", "in use after the cut"}}};
}

}  // namespace holdfast::sim
