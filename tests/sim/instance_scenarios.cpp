// One instance goes wrong: dead, hung, slow, lying, cut off.
#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "libs/base/check.h"
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

// One of 201 becomes ten times as slow.
struct GrayPlan {
  TwoTiers tiers;
  double share_later = 0.05;  // of its fair share, at most, two seconds later
  Duration settles = 2s;      // what is looked at then
};

Report SlowOneOfMany(std::uint64_t seed, std::string_view story, const GrayPlan& plan) {
  Report report(story);
  Stage stage(plan.tiers, seed);
  const Window calm = stage.Run(1s);
  stage.BackProcess(100).server().SetSlowness(10);
  Window all = stage.Run(2s);
  const double early = stage.ShareOf(100, all);
  const Window later = stage.Run(plan.settles);
  ShowCalls(report, "after two seconds", later);
  report.Show("its share in the first two seconds", fmt::format("{:.1f} %", early * 100));
  report.ShareAtMost("its share after two seconds", stage.ShareOf(100, later), plan.share_later);
  report.AtMost("failed critical or interactive calls",
                all.awaited().failed + later.awaited().failed, std::uint64_t{0});
  report.AtMost("p99.9 of critical calls before", calm.call_times[0].Quantile(0.999), 100ms);
  report.AtMost("p99.9 of critical calls after two seconds", later.call_times[0].Quantile(0.999),
                200ms);
  report.AtMost("tries for each call", later.amplification(), 1.1);
  return report;
}

Report SlowOneOfTwoHundred(std::uint64_t seed) {
  return SlowOneOfMany(
      seed,
      "201 instances at 30 % load, called by three, so that each caller calls each instance of its "
      "zone about 90 times a second; one becomes ten times as slow, with healthy probes.",
      {.tiers = {.front_per_zone = 1, .back_per_zone = 67, .load = 0.3, .work = 12ms}});
}

// What a caller cannot see it cannot avoid: with few calls each, many meet the slow one before they
// know.
Report SlowOneOfTwoHundredManyCallers(std::uint64_t seed) {
  return SlowOneOfMany(
      seed,
      "The same 201 instances and the same load, but from 60 callers, so that each calls each "
      "instance of its zone four or five times a second.",
      {.tiers = {.front_per_zone = 20, .back_per_zone = 67, .load = 0.3, .work = 12ms},
       .share_later = 0.15,
       .settles = 4s});
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
      "takes 50 times as long, 200 ms and more, longer than a try is usually given; one in thirty "
      "then "
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
  report.AtMost("tries for each call in the first three seconds", first.amplification(), 1.6);
  report.AtMost("tries for each call then", trouble.amplification(), 1.1);
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

// One failure says as much as a slow answer, so that few calls come to it; those that would be the
// second and the third in a row, which eject it, are the later for it.
Report LyingInstanceFewCalls(std::uint64_t seed) {
  Report report(
      "Nine instances at hardly any load, three callers with 200 calls a second each; one answers "
      "every call with UNAVAILABLE for ten seconds while its health stays SERVING.");
  Stage stage({.front_per_zone = 1, .load = 0.0377, .work = 2ms}, seed);
  stage.Run(5s);
  const Duration fault = stage.now();
  stage.BackProcess(4).server().SetFailing(1);
  const Window first = stage.Run(1s);
  const Window later = stage.Run(9s);
  ShowCalls(report, "in ten seconds", later);
  report.AtMost("failed calls", first.all().failed + later.all().failed, std::uint64_t{0});
  report.ShareAtMost("its share in the first second", stage.ShareOf(4, first), 0.1);
  report.ShareAtMost("its share then", stage.ShareOf(4, later), 0.01);
  report.Show("last call that was tried on it", InMillis(stage.InUseFor(4, fault)));
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
  report.ShareAtMost("its share after two seconds", stage.ShareOf(4, later), 0.1);
  report.AtMost("tries for each call", std::max(first.amplification(), later.amplification()), 1.1);
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

// Slow moments that come and go are too short for an ejection; a second request is quicker.
Window RunWithMoments(Stage& stage, Duration time) {
  constexpr Duration kMoment = 100ms;
  std::size_t slow = 0;
  for (Duration passed = {}; passed < time; passed += kMoment) {
    stage.BackProcess(slow).server().SetSlowness(1);
    slow = stage.world.dice.Below(9);
    stage.BackProcess(slow).server().SetSlowness(20);
    stage.world.RunFor(kMoment);
  }
  stage.BackProcess(slow).server().SetSlowness(1);
  return stage.world.recorder.Look();
}

Report HedgedReads(std::uint64_t seed) {
  Report report(
      "Nine instances at 20 % load, reads that are marked for hedging; at any time one of them, "
      "another one every tenth of a second, is twenty times as slow. Beside it the same without "
      "hedges (hedge_share=0).");
  TwoTiers plan = {.front_per_zone = 2, .load = 0.2, .hedged = true};
  Stage stage(plan, seed);
  Stage without(plan, seed);
  for (const std::size_t caller : without.world.of(TwoTiers::kFront)) {
    HOLDFAST_CHECK(
        without.world.process(caller).caller(TwoTiers::kBack).Change({"hedge_share=0"}).ok());
  }
  RunWithMoments(stage, 5s);
  RunWithMoments(without, 5s);
  const Window hedged = RunWithMoments(stage, 20s);
  const Window plain = RunWithMoments(without, 20s);
  const double share = static_cast<double>(hedged.hedges) / static_cast<double>(hedged.all().calls);
  const Duration p99 = hedged.call_times[1].Quantile(0.99);
  const Duration p99_plain = plain.call_times[1].Quantile(0.99);
  ShowCalls(report, "in twenty seconds", hedged);
  report.AtMost("hedges without the mark's share", plain.hedges, std::uint64_t{0});
  report.AtLeast("hedges", hedged.hedges, std::uint64_t{100});
  report.ShareAtMost("hedges, of the calls", share, 0.05);
  report.Show("p99 of interactive calls without hedges", InMillis(p99_plain));
  report.AtMost("p99 of interactive calls with hedges", p99, p99_plain * 3 / 4);
  report.AtMost("p99 of critical calls with hedges", hedged.call_times[0].Quantile(0.99),
                plain.call_times[0].Quantile(0.99) * 3 / 4);
  report.AtMost("failed critical or interactive calls", hedged.awaited().failed, std::uint64_t{0});
  report.AtMost("tries for each call", hedged.amplification(), 1.1);
  return report;
}

}  // namespace

std::vector<Scenario> InstanceScenarios() {
  return {{"instance_crash",
           "An instance dies",
           Crash,
           {"failed critical or interactive calls", "in use after its death"}},
          {"crash_of_one_of_three",
           "One of three instances dies",
           CrashOfOneOfThree,
           {"failed critical or interactive calls", "in use after its death"}},
          {"instance_hang",
           "An instance hangs",
           Hang,
           {"failed critical or interactive calls", "in use after it hung"}},
          {"two_of_three_hang",
           "Two of three instances hang",
           TwoOfThreeHang,
           {"failed critical or interactive calls", "in use after they hung"}},
          {"slow_one_of_200",
           "One of 201 instances becomes ten times as slow",
           SlowOneOfTwoHundred,
           {"its share after two seconds"}},
          {"slow_one_many_callers",
           "One of 201 becomes slow, and many callers know little of it",
           SlowOneOfTwoHundredManyCallers,
           {"its share after two seconds", "p99.9 of critical calls after two seconds"}},
          {"slow_among_noise",
           "An instance becomes slow where all are at times",
           SlowAmongNoise,
           {"its share after two seconds", "instances that were ejected before"}},
          {"everybody_slow",
           "All instances become slower than a try may take",
           EverybodySlow,
           {"success of all calls in the first three seconds",
            "tries for each call in the first three seconds", "tries for each call then"}},
          {"hedged_reads",
           "Instances are slow for moments, and reads are hedged",
           HedgedReads,
           {"p99 of interactive calls with hedges", "hedges, of the calls"}},
          {"lying_instance",
           "An instance fails every call and looks healthy",
           LyingInstance,
           {"failed critical or interactive calls", "last call that was tried on it"}},
          {"lying_instance_few_calls",
           "An instance fails every call, of which there are few",
           LyingInstanceFewCalls,
           {"failed calls", "its share in the first second"}},
          {"half_lying_instance",
           "An instance fails every other call and looks healthy",
           HalfLyingInstance,
           {"failed critical or interactive calls", "its share after two seconds"}},
          {"lossy_instance",
           "An instance loses packets",
           LossyInstance,
           {"failed critical or interactive calls", "p99.9 of critical calls"}}};
}

}  // namespace holdfast::sim
