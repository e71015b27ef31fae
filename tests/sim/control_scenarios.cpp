// What the operators and their tools do: deploys, discovery, configuration, clocks.
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

Report WallClocksJump(std::uint64_t seed) {
  Report report(
      "Nine instances at 60 % load; the wall clocks of a third of the machines jump an hour ahead, "
      "those of another third an hour back, and ten seconds later all are set right.");
  Stage stage({}, seed);
  Stage calm({}, seed);
  const auto jump = [&](Duration by) {
    for (const auto& process : stage.world.processes) {
      if (process->index() % 3 == 0) process->JumpClock(by);
      if (process->index() % 3 == 1) process->JumpClock(-by);
    }
  };
  jump(1h);
  const Window jumped = stage.Run(10s);
  jump(-1h);
  stage.Run(2s);
  calm.Run(12s);
  ShowCalls(report, "in these seconds", jumped);
  report.AtMost("failed critical or interactive calls", jumped.awaited().failed, std::uint64_t{0});
  report.Exactly("runs that differ from one without jumps",
                 stage.world.timeline.digest() != calm.world.timeline.digest(), 0);
  return report;
}

Report PausedCaller(std::uint64_t seed) {
  Report report(
      "Nine instances at 60 % load; three callers are paused for five seconds (a moved virtual "
      "machine): when they go on, all their timers have run out at once.");
  Stage stage({}, seed);
  const auto& front = stage.world.of(TwoTiers::kFront);
  for (std::size_t n = 0; n < 3; ++n) stage.world.process(front[n]).Freeze();
  const Window paused = stage.Run(5s);
  for (std::size_t n = 0; n < 3; ++n) stage.world.process(front[n]).Thaw();
  const Window first = stage.Run(1s);
  const Window later = stage.Run(4s);
  report.AtMost("failed critical or interactive calls of others", paused.awaited().failed,
                std::uint64_t{0});
  report.AtMost("failed critical or interactive calls in the second after, beyond those under way",
                first.awaited().failed, std::uint64_t{10});
  report.AtMost("failed critical or interactive calls later", later.awaited().failed,
                std::uint64_t{0});
  report.Exactly("instances that such a caller uses a second later",
                 stage.world.process(front[0]).Uses(TwoTiers::kBack), 9);
  return report;
}

}  // namespace

std::vector<Scenario> ControlScenarios() {
  return {{"discovery_gone", "Discovery is away for an hour", DiscoveryGone},
          {"rolling_deploy", "Everything is deployed in turn", RollingDeploy},
          {"everybody_restarts", "Everybody restarts within 30 seconds", EverybodyRestarts},
          {"poisoned_discovery", "Discovery lies", PoisonedDiscovery},
          {"poisoned_release", "A bad release is rolled out", PoisonedRelease},
          {"wall_clocks_jump", "Wall clocks jump", WallClocksJump},
          {"paused_caller", "Callers are paused", PausedCaller}};
}

}  // namespace holdfast::sim
