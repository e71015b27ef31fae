// One instance goes wrong: dead, hung, slow, lying, cut off.
#include <fmt/format.h>

#include "tests/sim/scenario.h"

namespace holdfast::sim {

namespace {

using namespace std::chrono_literals;

constexpr Duration kSlowest = 250ms;  // a try that was lost, and one that was not

// The instance is well again: everybody uses it, and nobody's call paid for finding out.
void ClaimGoodReturn(Report& report, Stage& stage, std::size_t n) {
  const Window returning = stage.Run(4s);
  report.AtMost("failed critical or interactive calls while it returns", returning.awaited().failed,
                std::uint64_t{0});
  stage.Run(6s);
  const Window back = stage.Run(4s);
  report.ShareAtLeast("its share of calls ten seconds later", stage.ShareOf(n, back), 0.5);
  report.AtMost("times that it was ejected again", back.ejections + returning.ejections,
                std::uint64_t{0});
}

Report Crash(std::uint64_t seed) {
  Report report(
      "Nine instances at 60 % load; one process dies and is restarted five seconds later.");
  Stage stage({}, seed);
  report.AtMost("busiest instance before, times its fair share", stage.Unfairness(stage.Run(5s)),
                1.3);
  const Duration fault = stage.now();
  stage.BackProcess(4).Crash();
  const Window trouble = stage.Run(5s);
  ShowCalls(report, "in these seconds", trouble);
  ClaimUnharmed(report, trouble, kSlowest);
  report.AtMost("in use after its death", stage.InUseFor(4, fault), 100ms);
  stage.BackProcess(4).Start(100ms);
  ClaimGoodReturn(report, stage, 4);
  return report;
}

Report CrashOfOneOfThree(std::uint64_t seed) {
  Report report("Only three instances, one in each zone, at 50 % load; one dies for ten seconds.");
  Stage stage({.back_per_zone = 1, .load = 0.5}, seed);
  const Duration fault = stage.now();
  stage.BackProcess(1).Crash();
  const Window trouble = stage.Run(10s);
  ShowCalls(report, "in these seconds", trouble);
  ClaimUnharmed(report, trouble, kSlowest);
  report.AtMost("in use after its death", stage.InUseFor(1, fault), 100ms);
  stage.BackProcess(1).Start(100ms);
  ClaimGoodReturn(report, stage, 1);
  return report;
}

Report Hang(std::uint64_t seed) {
  Report report("Nine instances at 60 % load; one hangs for ten seconds (SIGSTOP, then SIGCONT).");
  Stage stage({}, seed);
  const Duration fault = stage.now();
  stage.BackProcess(4).Freeze();
  const Window trouble = stage.Run(10s);
  ShowCalls(report, "in these seconds", trouble);
  ClaimUnharmed(report, trouble, kSlowest);
  report.AtMost("in use after it hung", stage.InUseFor(4, fault), 750ms);
  stage.BackProcess(4).Thaw();
  ClaimGoodReturn(report, stage, 4);
  return report;
}

Report TwoOfThreeHang(std::uint64_t seed) {
  Report report("Three instances at 25 % load; two of them hang for ten seconds.");
  Stage stage({.back_per_zone = 1, .load = 0.25}, seed);
  const Duration fault = stage.now();
  stage.BackProcess(0).Freeze();
  stage.BackProcess(1).Freeze();
  const Window trouble = stage.Run(10s);
  ShowCalls(report, "in these seconds", trouble);
  // The third has three times its work at once, and what was silent is asked of it again.
  report.AtMost("failed critical or interactive calls", trouble.awaited().failed, std::uint64_t{0});
  report.ShareAtLeast("success of background and bulk calls", trouble.background().success(), 0.95);
  report.AtMost("tries for each call", trouble.amplification(), 1.1);
  report.AtMost("in use after they hung",
                std::max(stage.InUseFor(0, fault), stage.InUseFor(1, fault)), 750ms);
  stage.BackProcess(0).Thaw();
  stage.BackProcess(1).Thaw();
  ClaimGoodReturn(report, stage, 0);
  return report;
}

Report SlowOneOfTwoHundred(std::uint64_t seed) {
  Report report(
      "201 instances at 30 % load, called by three, so that each caller calls each instance 30 "
      "times "
      "a second; one becomes ten times as slow, with healthy probes. (A caller forgets a peak "
      "within "
      "about a second: at half this traffic the slow one keeps 6 % of its share.)");
  Stage stage({.front_per_zone = 1, .back_per_zone = 67, .load = 0.3, .work = 12ms}, seed);
  const Window calm = stage.Run(1s);
  stage.BackProcess(100).server().SetSlowness(10);
  Window all = stage.Run(2s);
  const double early = stage.ShareOf(100, all);
  const Window later = stage.Run(2s);
  ShowCalls(report, "in the two seconds after that", later);
  report.Show("its share in the first two seconds", fmt::format("{:.1f} %", early * 100));
  report.ShareAtMost("its share after two seconds", stage.ShareOf(100, later), 0.05);
  report.AtMost("failed critical or interactive calls",
                all.awaited().failed + later.awaited().failed, std::uint64_t{0});
  report.AtMost("p99.9 of critical calls before", calm.call_times[0].Quantile(0.999), 100ms);
  report.AtMost("p99.9 of critical calls after two seconds", later.call_times[0].Quantile(0.999),
                200ms);
  report.AtMost("tries for each call", later.amplification(), 1.1);
  return report;
}

// For so long, with the moments of a busy machine: in each of them every seventh instance has
// little of the processor, and answers as late as the slow one does.
Window RunBusily(Stage& stage, Duration time, std::size_t slow, double slowness) {
  constexpr Duration kMoment = 50ms;
  constexpr double kBusy = 8;
  for (Duration passed = {}; passed < time; passed += kMoment) {
    for (std::size_t n = 0; n < 9; ++n) {
      const double busy = stage.world.dice.Chance(1.0 / 7) ? kBusy : 1;
      stage.BackProcess(n).server().SetSlowness(busy * (n == slow ? slowness : 1));
    }
    stage.world.RunFor(kMoment);
  }
  return stage.world.recorder.Look();
}

Report SlowAmongNoise(std::uint64_t seed) {
  constexpr std::size_t kSlow = 4;
  Report report(
      "Nine instances on busy machines, three callers with 200 calls a second each; all the time "
      "every seventh instance is eight times as slow for 50 ms; one becomes ten times as slow and "
      "stays so for ten seconds.");
  Stage stage({.front_per_zone = 1, .load = 0.0377, .work = 2ms}, seed);
  const Window calm = RunBusily(stage, 12s, kSlow, 1);
  report.AtMost("instances that were ejected before", calm.ejections, std::uint64_t{0});
  const Window early = RunBusily(stage, 2s, kSlow, 10);
  const Window later = RunBusily(stage, 8s, kSlow, 10);
  ShowCalls(report, "in the eight seconds after two", later);
  report.Show("its share in the first two seconds",
              fmt::format("{:.1f} %", stage.ShareOf(kSlow, early) * 100));
  report.ShareAtMost("its share after two seconds", stage.ShareOf(kSlow, later), 0.05);
  ClaimAnswered(report, later);
  report.AtMost("tries for each call", later.amplification(), 1.1);
  RunBusily(stage, 15s, kSlow, 1);
  const Window back = RunBusily(stage, 5s, kSlow, 1);
  report.ShareAtLeast("its share fifteen seconds after it is well", stage.ShareOf(kSlow, back),
                      0.5);
  report.AtMost("instances that were ejected then", back.ejections, std::uint64_t{0});
  return report;
}

// A neighbour or a machine that is short of everything: no answer comes within try_timeout.
Report EverybodySlow(std::uint64_t seed) {
  Report report(
      "Nine instances, three callers with ten calls a second each; for ten seconds every call "
      "takes "
      "50 times as long, 200 ms and more, longer than a try is usually given; one in thirty then "
      "takes longer than a call may.");
  Stage stage({.front_per_zone = 1, .load = 0.004}, seed);
  const auto slow_down = [&](double factor) {
    for (std::size_t n = 0; n < 9; ++n) stage.BackProcess(n).server().SetSlowness(factor);
  };
  stage.Run(15s);
  slow_down(50);
  const Window first = stage.Run(3s);
  const Window trouble = stage.Run(7s);
  ShowCalls(report, "in the last seven of these seconds", trouble);
  report.ShareAtLeast("success of all calls in the first three seconds", first.all().success(),
                      0.95);
  report.ShareAtLeast("success of all calls then", trouble.all().success(), 0.95);
  report.AtMost("tries for each call in the first three seconds", first.amplification(), 3.0);
  report.AtMost("tries for each call then", trouble.amplification(), 1.3);
  slow_down(1);
  stage.Run(500ms);  // what was under way
  const Window after = stage.Run(3s);
  report.AtMost("failed calls, half a second after it ends", after.all().failed, std::uint64_t{0});
  report.AtMost("p99.9 of critical calls then", after.call_times[0].Quantile(0.999), 100ms);
  stage.Run(10s);
  report.AtMost("busiest instance at the end, times its fair share",
                stage.Unfairness(stage.Run(60s)), 1.5);
  return report;
}

Report LyingInstance(std::uint64_t seed) {
  Report report(
      "Nine instances at 60 % load; one answers every call with UNAVAILABLE for ten seconds while "
      "its health stays SERVING.");
  Stage stage({}, seed);
  const Duration fault = stage.now();
  stage.BackProcess(4).server().SetFailing(1);
  const Window first = stage.Run(2s);
  const Window later = stage.Run(8s);
  ShowCalls(report, "in ten seconds", later);
  report.AtMost("failed critical or interactive calls",
                first.awaited().failed + later.awaited().failed, std::uint64_t{0});
  report.AtMost("last call that was tried on it", stage.InUseFor(4, fault), 1s);
  report.AtMost("tries for each call", first.amplification(), 1.1);
  stage.BackProcess(4).server().SetFailing(0);
  ClaimGoodReturn(report, stage, 4);
  return report;
}

Report HalfLyingInstance(std::uint64_t seed) {
  Report report(
      "Nine instances at 60 % load; one fails every other call for ten seconds while its health "
      "stays SERVING.");
  Stage stage({}, seed);
  stage.BackProcess(4).server().SetFailing(0.5);
  const Window first = stage.Run(2s);
  const Window later = stage.Run(8s);
  ShowCalls(report, "in ten seconds", later);
  report.AtMost("failed critical or interactive calls",
                first.awaited().failed + later.awaited().failed, std::uint64_t{0});
  report.ShareAtMost("its share after two seconds", stage.ShareOf(4, later), 0.5);
  report.AtMost("tries for each call", first.amplification(), 1.1);
  return report;
}

Report LossyInstance(std::uint64_t seed) {
  Report report(
      "Nine instances at 60 % load; one loses 30 % of its packets for ten seconds, so every third "
      "message to or from it comes 200 ms late.");
  Stage stage({}, seed);
  stage.world.network.SetLoss(stage.back(4), 0.3);
  const Window trouble = stage.Run(10s);
  ShowCalls(report, "in these seconds", trouble);
  ClaimUnharmed(report, trouble, kSlowest);
  return report;
}

}  // namespace

std::vector<Scenario> InstanceScenarios() {
  return {
      {"instance_crash", "An instance dies", Crash},
      {"crash_of_one_of_three", "One of three instances dies", CrashOfOneOfThree},
      {"instance_hang", "An instance hangs", Hang},
      {"two_of_three_hang", "Two of three instances hang", TwoOfThreeHang},
      {"slow_one_of_200", "One of 200 instances becomes ten times as slow", SlowOneOfTwoHundred},
      {"slow_among_noise", "An instance becomes slow where all are at times", SlowAmongNoise},
      {"everybody_slow", "All instances become slower than a try may take", EverybodySlow},
      {"lying_instance", "An instance fails every call and looks healthy", LyingInstance},
      {"half_lying_instance", "An instance fails every other call and looks healthy",
       HalfLyingInstance},
      {"lossy_instance", "An instance loses packets", LossyInstance}};
}

}  // namespace holdfast::sim
