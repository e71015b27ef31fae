// What the operators and their tools do: deploys, discovery.
#include <fmt/format.h>

#include <algorithm>

#include "tests/sim/scenario.h"

namespace holdfast::sim {

namespace {

using namespace std::chrono_literals;

Report DiscoveryGone(std::uint64_t seed) {
  Report report(
      "Nine instances at 0.5 % load; discovery is away for an hour. Meanwhile an instance and a "
      "caller are restarted and an instance hangs for a minute.");
  Stage stage({.front_per_zone = 4, .load = 0.005}, seed);
  stage.world.directory.SetAway(true);
  const Window calm = stage.Run(10min);
  stage.BackProcess(3).Crash();
  stage.BackProcess(3).Start(2s);
  stage.world.process(stage.world.of(TwoTiers::kFront)[5]).Crash();
  stage.world.process(stage.world.of(TwoTiers::kFront)[5]).Start(2s);
  const Window restarted = stage.Run(20min);
  stage.BackProcess(6).Freeze();
  stage.Run(1s);
  const Window hung = stage.Run(59s);
  stage.BackProcess(6).Thaw();
  const Window rest = stage.Run(29min);
  report.Show("calls in the hour", fmt::format("{}", calm.all().calls + restarted.all().calls +
                                                         hung.all().calls + rest.all().calls));
  report.AtMost("failed critical or interactive calls",
                calm.awaited().failed + restarted.awaited().failed + hung.awaited().failed +
                    rest.awaited().failed,
                std::uint64_t{0});
  report.AtMost("tries for each call, worst part",
                std::max({calm.amplification(), restarted.amplification(), hung.amplification(),
                          rest.amplification()}),
                1.1);
  report.ShareAtLeast("share of the restarted instance at the end", stage.ShareOf(3, rest), 0.5);
  const Process& caller = stage.world.process(stage.world.of(TwoTiers::kFront)[5]);
  report.Exactly("instances that the restarted caller uses", caller.Uses(TwoTiers::kBack), 9);
  stage.world.directory.SetAway(false);
  const Window back = stage.Run(10s);
  report.AtMost("failed critical or interactive calls when it returns", back.awaited().failed,
                std::uint64_t{0});
  return report;
}

Report RollingDeploy(std::uint64_t seed) {
  Report report(
      "15 callers and 9 instances at 50 % load; all are restarted in turn: each says that it "
      "leaves, serves on for half a second, finishes, ends, and is back a second later.");
  Stage stage({.front_per_zone = 5, .load = 0.5, .work = 8ms}, seed);
  std::uint64_t failed = 0;
  std::uint64_t calls = 0;
  double amplification = 1;
  std::vector<std::size_t> order = stage.world.of(TwoTiers::kBack);
  const auto& front = stage.world.of(TwoTiers::kFront);
  order.insert(order.end(), front.begin(), front.end());
  for (const std::size_t process : order) {
    stage.world.process(process).Drain(500ms, 1s);
    const Window step = stage.Run(2500ms);
    failed += step.awaited().failed;
    calls += step.all().calls;
    amplification = std::max(amplification, step.amplification());
  }
  report.Show("calls during the deploy", fmt::format("{}", calls));
  report.AtMost("failed critical or interactive calls", failed, std::uint64_t{0});
  report.AtMost("tries for each call, worst step", amplification, 1.1);
  stage.Run(10s);
  report.AtMost("busiest instance at the end, times its fair share",
                stage.Unfairness(stage.Run(3s)), 1.3);
  return report;
}

Report EverybodyRestarts(std::uint64_t seed) {
  Report report(
      "60 callers and 30 instances at 50 % load; every process dies once within 30 seconds, at a "
      "moment of its own, and is back two seconds later.");
  Stage stage({.front_per_zone = 20, .back_per_zone = 10, .load = 0.5, .work = 8ms}, seed);
  for (const auto& process : stage.world.processes) process->CrashLater(30s, 2s);
  const Window storm = stage.Run(30s);
  const Window after = stage.Run(5s);
  const Window later = stage.Run(5s);
  ShowCalls(report, "in the storm", storm);
  report.ShareAtLeast("success of critical calls in the storm", storm.critical().success(), 0.9999);
  report.AtMost("tries for each call in the storm", storm.amplification(), 1.1);
  report.AtMost("failed critical or interactive calls in the five seconds after it",
                after.awaited().failed, std::uint64_t{0});
  report.AtMost("p99.9 of critical calls, five seconds after it",
                later.call_times[0].Quantile(0.999), 50ms);
  return report;
}

Report PoisonedDiscovery(std::uint64_t seed) {
  Report report(
      "Nine instances at 50 % load; discovery first says that there is nobody, then that there "
      "are two, then names nine addresses at which nobody is, beside the nine true ones.");
  Stage stage({.load = 0.5}, seed);
  Directory& directory = stage.world.directory;
  const discovery::InstanceSet truth = directory.Believed(TwoTiers::kBack);
  directory.Lie(TwoTiers::kBack, {});
  const Window nobody = stage.Run(1min);
  directory.Lie(TwoTiers::kBack, {truth[0], truth[4]});
  const Window two = stage.Run(20s);
  discovery::InstanceSet ghosts = truth;
  for (int i = 0; i < 9; ++i) {
    ghosts.push_back({.id = fmt::format("ghost-{}", i),
                      .address = fmt::format("nowhere-{}", i),
                      .zone = std::string(1, static_cast<char>('a' + i % 3))});
  }
  directory.Lie(TwoTiers::kBack, ghosts);
  const Window haunted = stage.Run(20s);
  directory.SpeakTruth(TwoTiers::kBack);
  const Window end = stage.Run(5s);
  report.AtMost("failed critical or interactive calls while the list is empty",
                nobody.awaited().failed, std::uint64_t{0});
  report.AtMost("failed critical or interactive calls while two are named", two.awaited().failed,
                std::uint64_t{0});
  report.AtMost("failed critical or interactive calls while nine are invented",
                haunted.awaited().failed, std::uint64_t{0});
  report.AtMost("failed critical or interactive calls after the truth", end.awaited().failed,
                std::uint64_t{0});
  report.AtMost("tries for each call, worst part",
                std::max({nobody.amplification(), two.amplification(), haunted.amplification()}),
                1.1);
  return report;
}

Report PoisonedRelease(std::uint64_t seed) {
  Report report(
      "Nine instances at 50 % load; a release whose every call fails, though its health says "
      "SERVING, is rolled out to one instance after another; at the third it is stopped and taken "
      "back.");
  Stage stage({.load = 0.5}, seed);
  std::uint64_t critical_failed = 0;
  double worst = 1;
  for (std::size_t n = 0; n < 3; ++n) {
    stage.BackProcess(n).server().SetFailing(1);
    const Window step = stage.Run(5s);
    critical_failed += step.critical().failed;
    worst = std::max(worst, step.amplification());
  }
  for (std::size_t n = 0; n < 3; ++n) stage.BackProcess(n).server().SetFailing(0);
  const Window back = stage.Run(5s);
  report.AtMost("failed critical calls", critical_failed, std::uint64_t{0});
  report.AtMost("tries for each call, worst step", worst, 1.1);
  report.AtMost("failed critical or interactive calls after it is taken back",
                back.awaited().failed, std::uint64_t{0});
  stage.Run(10s);
  report.AtMost("busiest instance at the end, times its fair share",
                stage.Unfairness(stage.Run(3s)), 1.3);
  return report;
}

}  // namespace

std::vector<Scenario> ControlScenarios() {
  return {{"discovery_gone",
           "Discovery is away for an hour",
           DiscoveryGone,
           {"failed critical or interactive calls", "instances that the restarted caller uses"}},
          {"rolling_deploy",
           "Everything is deployed in turn",
           RollingDeploy,
           {"failed critical or interactive calls", "tries for each call, worst step"}},
          {"everybody_restarts",
           "Everybody restarts within 30 seconds",
           EverybodyRestarts,
           {"success of critical calls in the storm",
            "failed critical or interactive calls in the five seconds after it"}},
          {"poisoned_discovery",
           "Discovery lies",
           PoisonedDiscovery,
           {"failed critical or interactive calls while the list is empty",
            "failed critical or interactive calls while nine are invented"}},
          {"poisoned_release",
           "A bad release is rolled out",
           PoisonedRelease,
           {"failed critical calls", "tries for each call, worst step"}}};
}

}  // namespace holdfast::sim
