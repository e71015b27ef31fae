// A part of the plant goes away at once.
#include <fmt/format.h>

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

Report LoseZone(std::uint64_t seed, Part part, std::string_view story) {
  Report report(story);
  Stage stage({.back_per_zone = 6, .work = 8ms}, seed);
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
                50ms);
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
                stage.Unfairness(stage.Run(3s)), 1.3);
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

Report OneWayPartition(std::uint64_t seed) {
  Report report(
      "Nine instances at 60 % load; for ten seconds nothing arrives in zone c that zone a sends, "
      "while all else arrives.");
  Stage stage({}, seed);
  stage.world.network.CutZones(0, 2, true);
  const Window trouble = stage.Run(10s);
  ShowCalls(report, "in these seconds", trouble);
  ClaimUnharmed(report, trouble, kSlowest);
  stage.world.network.CutZones(0, 2, false);
  const Window healed = stage.Run(5s);
  report.AtMost("failed critical or interactive calls after it heals", healed.awaited().failed,
                std::uint64_t{0});
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
  return {{"half_zone", "Half of a zone falls silent", HalfZone},
          {"whole_zone", "A whole zone falls silent", WholeZone},
          {"one_way_partition", "Two zones are cut in one direction", OneWayPartition},
          {"deaf_instance", "An instance is cut in one direction", DeafInstance}};
}

}  // namespace holdfast::sim
