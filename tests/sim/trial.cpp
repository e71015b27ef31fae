#include "tests/sim/trial.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "tests/sim/scenario.h"

namespace holdfast::sim {

namespace {

using namespace std::chrono_literals;

constexpr Duration kTrouble = 20s;

// One trouble: it happens to one back instance, a caller, a zone or all, and ends.
struct Fault {
  std::string_view name;
  std::function<void(Stage&, std::size_t n)> begin;
  std::function<void(Stage&, std::size_t n)> end;
  bool alone = false;  // nothing else happens: others could not do the work
};

void ForZone(Stage& stage, std::size_t n, const std::function<void(Process&)>& act) {
  for (const auto& process : stage.world.processes) {
    if (process->zone() == static_cast<int>(n % kZones)) act(*process);
  }
}

void CutZones(Stage& stage, std::size_t n, bool cut) {
  const auto zone = static_cast<int>(n % kZones);
  stage.world.network.CutZones(zone, (zone + 1) % kZones, cut);
}

Process& CallerOf(Stage& stage, std::size_t n) {
  const auto& front = stage.world.of(TwoTiers::kFront);
  return stage.world.process(front[n % front.size()]);
}

const std::vector<Fault>& Faults() {
  static const std::vector<Fault> faults = {
      {"crash", [](Stage& s, std::size_t n) { s.BackProcess(n).Crash(); },
       [](Stage& s, std::size_t n) { s.BackProcess(n).Start(50ms); }},
      {"hang", [](Stage& s, std::size_t n) { s.BackProcess(n).Freeze(); },
       [](Stage& s, std::size_t n) { s.BackProcess(n).Thaw(); }},
      {"slow", [](Stage& s, std::size_t n) { s.BackProcess(n).server().SetSlowness(10); },
       [](Stage& s, std::size_t n) { s.BackProcess(n).server().SetSlowness(1); }},
      {"lies", [](Stage& s, std::size_t n) { s.BackProcess(n).server().SetFailing(0.7); },
       [](Stage& s, std::size_t n) { s.BackProcess(n).server().SetFailing(0); }},
      {"loses packets", [](Stage& s, std::size_t n) { s.world.network.SetLoss(s.back(n), 0.3); },
       [](Stage& s, std::size_t n) { s.world.network.SetLoss(s.back(n), 0); }},
      {"is deaf", [](Stage& s, std::size_t n) { s.world.network.CutInbound(s.back(n), true); },
       [](Stage& s, std::size_t n) { s.world.network.CutInbound(s.back(n), false); }},
      {"leaves", [](Stage& s, std::size_t n) { s.BackProcess(n).Drain(500ms, 1s); },
       [](Stage&, std::size_t) {}},
      {"discovery away", [](Stage& s, std::size_t) { s.world.directory.SetAway(true); },
       [](Stage& s, std::size_t) { s.world.directory.SetAway(false); }},
      {"zone silent",
       [](Stage& s, std::size_t n) { ForZone(s, n, [](Process& p) { p.GoDark(); }); },
       [](Stage& s, std::size_t n) {
         ForZone(s, n, [](Process& p) {
           if (p.life() == Process::Life::kDark) p.Start(500ms);
         });
       },
       /*alone=*/true},
      {"cut off the next zone in one direction",
       [](Stage& s, std::size_t n) { CutZones(s, n, true); },
       [](Stage& s, std::size_t n) { CutZones(s, n, false); }},
      {"surge of four times the calls", [](Stage& s, std::size_t) { s.Surge(4); },
       [](Stage& s, std::size_t) { s.Surge(1); },
       /*alone=*/true},
      {"caller paused", [](Stage& s, std::size_t n) { CallerOf(s, n).Freeze(); },
       [](Stage& s, std::size_t n) { CallerOf(s, n).Thaw(); }},
      {"suspended for a second", [](Stage& s, std::size_t n) { s.BackProcess(n).Suspend(1s); },
       [](Stage&, std::size_t) {}},
      {"caller suspended for a second", [](Stage& s, std::size_t n) { CallerOf(s, n).Suspend(1s); },
       [](Stage&, std::size_t) {}},
  };
  return faults;
}

struct Planned {
  const Fault* fault;
  std::size_t n;
  Duration begin;
  Duration end;
};

// At most a third of the instances is in trouble, so that the others can do the work.
std::vector<Planned> Plan(Dice& dice, std::size_t instances) {
  std::vector<Planned> plan;
  const std::size_t count = 1 + dice.Below(std::max<std::size_t>(instances / 3, 1));
  for (std::size_t i = 0; i < count; ++i) {
    const Fault& fault = Faults()[dice.Below(Faults().size())];
    const Duration begin = dice.Between({}, kTrouble / 2);
    const std::size_t n = (dice.Below(instances / kZones) * kZones + i) % instances;
    plan.push_back({&fault, n, begin, begin + dice.Between(100ms, kTrouble / 2)});
    if (fault.alone) return {plan.back()};
  }
  return plan;
}

void Live(Stage& stage, const std::vector<Planned>& plan) {
  struct Moment {
    Duration at;
    std::size_t fault;
    bool begins;
  };
  std::vector<Moment> moments;
  for (std::size_t i = 0; i < plan.size(); ++i) {
    moments.push_back({plan[i].begin, i, true});
    moments.push_back({plan[i].end, i, false});
  }
  std::sort(moments.begin(), moments.end(), [](const Moment& a, const Moment& b) {
    return a.at != b.at ? a.at < b.at : a.fault < b.fault;
  });
  Duration now = {};
  for (const Moment& moment : moments) {
    stage.world.RunFor(moment.at - now);
    now = moment.at;
    const Planned& planned = plan[moment.fault];
    (moment.begins ? planned.fault->begin : planned.fault->end)(stage, planned.n);
  }
  stage.world.RunFor(kTrouble - now);
}

std::size_t FewestUsed(const Stage& stage) {
  std::size_t fewest = stage.world.of(TwoTiers::kBack).size();
  for (const std::size_t process : stage.world.of(TwoTiers::kFront)) {
    fewest = std::min(fewest, stage.world.process(process).Uses(TwoTiers::kBack));
  }
  return fewest;
}

}  // namespace

Trial RunTrial(std::uint64_t seed) {
  Dice dice(seed);
  TwoTiers tiers;
  tiers.front_per_zone = 1 + static_cast<int>(dice.Below(8));
  tiers.back_per_zone = 1 + static_cast<int>(dice.Below(4));
  tiers.load = 0.1 + 0.35 * dice.Uniform();
  const auto instances = static_cast<std::size_t>(tiers.back_per_zone * kZones);
  const std::vector<Planned> plan = Plan(dice, instances);
  std::string story = fmt::format("seed {}: {} callers, {} instances, {:.0f} % load", seed,
                                  tiers.front_per_zone * kZones, instances, tiers.load * 100);
  for (const Planned& planned : plan) {
    story += fmt::format("; {} {} {:.1f}..{:.1f} s", planned.n, planned.fault->name,
                         std::chrono::duration<double>(planned.begin).count(),
                         std::chrono::duration<double>(planned.end).count());
  }
  Report report(story);
  Stage stage(tiers, seed);
  Live(stage, plan);
  const Window trouble = stage.world.recorder.Look();
  stage.Run(12s);
  const Window after = stage.Run(3s);
  report.ShareAtLeast("success of critical calls", trouble.critical().success(), 0.999);
  report.AtMost("tries for each call", trouble.amplification(), 1.1);
  report.AtMost("failed calls, 12 s after", after.all().failed, std::uint64_t{0});
  report.AtMost("ejections, 12 s after", after.ejections, std::uint64_t{0});
  report.Exactly("instances that every caller uses then", FewestUsed(stage), instances);
  report.AtMost("requests that nobody remembers", stage.world.requests.in_use(),
                std::uint64_t{100} * instances);
  return {.report = std::move(report), .digest = stage.world.timeline.digest()};
}

}  // namespace holdfast::sim
