#include "tests/sim/scenario.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace holdfast::sim {

namespace {

using namespace std::chrono_literals;

}  // namespace

std::vector<Scenario> AllScenarios() {
  std::vector<Scenario> all;
  for (auto part : {InstanceScenarios(), ZoneScenarios(), ControlScenarios(), KnobScenarios(),
                    ClockScenarios(), OverloadScenarios(), BoxScenarios()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

std::vector<ServiceSpec> TwoTiers::Services() const {
  ServiceSpec front = {.name = "front", .per_zone = front_per_zone, .calls = {kBack}};
  ServiceSpec back = {
      .name = "back",
      .per_zone = back_per_zone,
      .cores = cores,
      .methods = {{.name = "Read",
                   .work = work,
                   .steady = steady,
                   .hedged = hedged,
                   .from_memory = from_memory},
                  {.name = "Write", .work = work, .steady = steady, .reads = false}}};
  back.gate.threads = threads;
  back.gate.queue.limit.ceiling = threads;
  return {std::move(front), std::move(back)};
}

double TwoTiers::Capacity() const {
  const double mean_over_median = steady ? 1 : 1.13;  // of Dice::Latency
  const double mean_seconds = std::chrono::duration<double>(work).count() * mean_over_median;
  return back_per_zone * kZones * cores / mean_seconds;
}

Stage::Stage(const TwoTiers& tiers, std::uint64_t seed)
    : plan(tiers), world(plan.Services(), seed), traffic(world) {
  for (std::size_t i = 0; i < kCriticalities; ++i) {
    traffic.Add({.from = TwoTiers::kFront,
                 .to = TwoTiers::kBack,
                 .method = TwoTiers::kRead,
                 .criticality = static_cast<Criticality>(i),
                 .per_second = plan.load * plan.Capacity() * plan.shares[i]});
  }
  Run(3s);  // until everybody knows everybody
}

Window Stage::Run(Duration time) {
  world.RunFor(time);
  return world.recorder.Look();
}

void Stage::SetRate(Criticality criticality, double per_second) {
  traffic.SetRate(IndexOf(criticality), per_second);
}

void Stage::SetLoad(double load) {
  for (std::size_t i = 0; i < kCriticalities; ++i) {
    SetRate(static_cast<Criticality>(i), load * plan.Capacity() * plan.shares[i]);
  }
}

void Stage::Surge(double times) {
  for (std::size_t i = 1; i < kCriticalities; ++i) {
    SetRate(static_cast<Criticality>(i), times * plan.load * plan.Capacity() * plan.shares[i]);
  }
}

Duration Stage::InUseFor(std::size_t n, Duration fault) const {
  return std::max<Duration>(world.recorder.last_try(back(n)) - fault, Duration::zero());
}

double Stage::Unfairness(const Window& window) const {
  std::uint64_t most = 0;
  std::uint64_t sum = 0;
  for (const std::size_t process : world.of(TwoTiers::kBack)) {
    most = std::max<std::uint64_t>(most, window.tries_of(process));
    sum += window.tries_of(process);
  }
  if (sum == 0) return 1;
  return static_cast<double>(most) * static_cast<double>(world.of(TwoTiers::kBack).size()) /
         static_cast<double>(sum);
}

double Stage::ShareOf(std::size_t n, const Window& window) const {
  if (window.tries == 0) return 0;
  return static_cast<double>(window.tries_of(back(n))) *
         static_cast<double>(world.of(TwoTiers::kBack).size()) / static_cast<double>(window.tries);
}

void ShowCalls(Report& report, std::string_view when, const Window& window) {
  report.Show(fmt::format("calls {}", when), fmt::format("{}", window.all().calls));
}

void ClaimAnswered(Report& report, const Window& window) {
  report.AtMost("failed critical or interactive calls", window.awaited().failed, std::uint64_t{0});
  report.ShareAtLeast("success of background and bulk calls", window.background().success(), 0.995);
}

void ClaimUnharmed(Report& report, const Window& window, Duration slowest) {
  ClaimAnswered(report, window);
  report.AtMost("p99.9 of critical calls", window.call_times[0].Quantile(0.999), slowest);
  report.AtMost("tries for each call", window.amplification(), 1.1);
}

}  // namespace holdfast::sim
