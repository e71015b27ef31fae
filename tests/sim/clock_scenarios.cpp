// Clocks that are wrong, run at other speeds, or stand still.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "tests/sim/scenario.h"

namespace holdfast::sim {

namespace {

using namespace std::chrono_literals;

Report WallClocksJump(std::uint64_t seed) {
  Report report(
      "Nine instances at 60 % load; the wall clocks of a third of the machines jump an hour ahead, "
      "those of another third an hour back, and ten seconds later all are set right. No policy may "
      "read them, so nothing at all may change.");
  Stage stage({}, seed);
  Stage calm({}, seed);
  const auto jump = [&](Duration by) {
    for (const auto& process : stage.world.processes) {
      if (process->index() % 3 == 0) process->clock().JumpWall(by);
      if (process->index() % 3 == 1) process->clock().JumpWall(-by);
    }
  };
  jump(1h);
  const Window jumped = stage.Run(10s);
  jump(-1h);
  stage.Run(2s);
  calm.Run(12s);
  ShowCalls(report, "in these seconds", jumped);
  report.AtMost("failed critical or interactive calls", jumped.awaited().failed, std::uint64_t{0});
  report.AtMost("tries for each call", jumped.amplification(), 1.1);
  report.Exactly("runs that differ from one without jumps",
                 stage.world.timeline.digest() != calm.world.timeline.digest(), 0);
  return report;
}

// Every process has a steady clock of its own, up to 5 % fast or slow. What crosses the network as
// a moment instead of as a duration goes wrong here: no call may take longer than a second, and the
// clocks are seconds apart.
Report ClocksDrift(std::uint64_t seed) {
  Report report(
      "Nine instances at 60 % load; every machine's steady clock runs at a speed of its own, a "
      "third of them 5 % fast, a third 5 % slow, and they have done so for a minute (at 10 % "
      "load); then one instance hangs for ten seconds, and another fails every call.");
  Stage stage({.load = 0.1}, seed);
  for (const auto& process : stage.world.processes) {
    constexpr std::array<double, 3> kRates = {1.05, 0.95, 1.01};
    process->clock().SetRate(kRates[process->index() / kZones % 3]);
  }
  const Window minute = stage.Run(1min);
  stage.SetLoad(0.6);
  stage.Run(5s);
  SteadyTime slowest = SteadyTime::max();
  SteadyTime fastest = SteadyTime::min();
  for (const auto& process : stage.world.processes) {
    slowest = std::min(slowest, process->clock().SteadyNow());
    fastest = std::max(fastest, process->clock().SteadyNow());
  }
  const Duration fault = stage.now();
  stage.BackProcess(4).Freeze();
  stage.BackProcess(7).server().SetFailing(1);
  const Window trouble = stage.Run(10s);
  report.AtLeast("seconds that two of their clocks are apart",
                 std::chrono::duration<double>(fastest - slowest).count(), 5.0);
  report.AtMost("failed critical or interactive calls in the minute", minute.awaited().failed,
                std::uint64_t{0});
  ShowCalls(report, "in the ten seconds", trouble);
  ClaimUnharmed(report, trouble, 250ms);
  report.AtMost("the hung one in use for", stage.InUseFor(4, fault), 750ms);
  report.AtMost("the lying one in use for", stage.InUseFor(7, fault), 1s);
  stage.BackProcess(4).Thaw();
  stage.BackProcess(7).server().SetFailing(0);
  const Window healed = stage.Run(5s);
  report.AtMost("failed critical or interactive calls while they return", healed.awaited().failed,
                std::uint64_t{0});
  stage.Run(15s);
  report.AtMost("busiest instance at the end, times its fair share",
                stage.Unfairness(stage.Run(3s)), 1.3);
  return report;
}

Report SuspendedMachines(std::uint64_t seed) {
  Report report(
      "Nine instances at 60 % load; the machines of three callers and of one instance are "
      "suspended for five seconds: their steady clocks and timers stand still, and when they go on "
      "their wall clocks jump and whatever arrived meanwhile is there.");
  Stage stage({}, seed);
  const auto& front = stage.world.of(TwoTiers::kFront);
  const Duration fault = stage.now();
  for (std::size_t n = 0; n < 3; ++n) stage.world.process(front[n]).Suspend(5s);
  stage.BackProcess(4).Suspend(5s);
  const Window away = stage.Run(5s - 1ms);
  const Duration in_use = stage.InUseFor(4, fault);
  stage.Run(1s);
  const Window later = stage.Run(4s);
  report.AtMost("failed critical or interactive calls of others", away.awaited().failed,
                std::uint64_t{0});
  report.AtMost("the suspended instance in use for", in_use, 750ms);
  report.AtMost("failed critical or interactive calls, a second later", later.awaited().failed,
                std::uint64_t{0});
  report.AtMost("tries for each call, worst part",
                std::max(away.amplification(), later.amplification()), 1.1);
  report.Exactly("instances that such a caller uses a second later",
                 stage.world.process(front[0]).Uses(TwoTiers::kBack), 9);
  const auto behind =
      stage.world.timeline.SteadyNow() - stage.world.process(front[0]).clock().SteadyNow();
  report.Show("its steady clock is behind by", InMillis(behind));
  stage.Run(10s);
  report.ShareAtLeast("share of the suspended instance later", stage.ShareOf(4, stage.Run(4s)),
                      0.5);
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
  report.AtMost("tries for each call, worst part",
                std::max({paused.amplification(), first.amplification(), later.amplification()}),
                1.1);
  report.Exactly("instances that such a caller uses a second later",
                 stage.world.process(front[0]).Uses(TwoTiers::kBack), 9);
  return report;
}

}  // namespace

std::vector<Scenario> ClockScenarios() {
  return {{"wall_clocks_jump",
           "Wall clocks jump",
           WallClocksJump,
           {"runs that differ from one without jumps"}},
          {"clocks_drift",
           "Steady clocks run at their own speeds",
           ClocksDrift,
           {"failed critical or interactive calls", "the hung one in use for"}},
          {"paused_caller",
           "Callers are paused",
           PausedCaller,
           {"failed critical or interactive calls of others",
            "failed critical or interactive calls later"}},
          {"suspended_machines",
           "Machines are suspended, clocks and all",
           SuspendedMachines,
           {"failed critical or interactive calls of others",
            "failed critical or interactive calls, a second later"}}};
}

}  // namespace holdfast::sim
