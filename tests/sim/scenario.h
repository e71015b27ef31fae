// Stories of what goes wrong, each with the claims that must come true.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "tests/sim/process.h"
#include "tests/sim/report.h"
#include "tests/sim/traffic.h"
#include "tests/sim/world.h"

namespace holdfast::sim {

struct Scenario {
  std::string_view name;  // "instance_crash"
  std::string_view title;
  Report (*run)(std::uint64_t seed);
  // The measures that matter most, as the report calls them: docs/resilience.md shows these.
  std::vector<std::string_view> main;
  enum class Size { kUsual, kBig } size = Size::kUsual;  // big: too slow for sim_test
};

// All of them, in the order in which docs/simulation.md shows them.
std::vector<Scenario> AllScenarios();

std::vector<Scenario> InstanceScenarios();
std::vector<Scenario> ZoneScenarios();
std::vector<Scenario> ControlScenarios();
std::vector<Scenario> KnobScenarios();
std::vector<Scenario> ClockScenarios();
std::vector<Scenario> OverloadScenarios();
std::vector<Scenario> BoxScenarios();

// Two services: many `front` processes that call few `back` ones.
struct TwoTiers {
  static constexpr std::size_t kFront = 0;
  static constexpr std::size_t kBack = 1;
  enum Method : std::size_t { kRead, kWrite };

  int front_per_zone = 10;
  int back_per_zone = 3;
  double load = 0.6;  // of what the back instances can do
  Duration work = std::chrono::milliseconds(4);
  bool steady = false;       // takes exactly that
  bool hedged = false;       // Read is marked so
  bool from_memory = false;  // Read is an inline method
  int cores = 4;             // of a back instance
  std::size_t threads = 8;
  std::array<double, kCriticalities> shares = {0.2, 0.5, 0.2, 0.1};  // of the calls

  std::vector<ServiceSpec> Services() const;
  double Capacity() const;  // calls a second that the back instances can do
};

// A world of two tiers in which, unless the plan says otherwise, a fifth of the calls is critical,
// as everywhere.
class Stage {
 public:
  Stage(const TwoTiers& tiers, std::uint64_t seed);

  Window Run(Duration time);
  void SetRate(Criticality criticality, double per_second);
  void SetLoad(double load);  // of what the back instances can do, in the shares of the plan
  void Surge(double times);   // so many times the plan's calls, but for the critical ones
  Duration now() const { return world.timeline.elapsed(); }
  std::size_t back(std::size_t n) const { return world.of(TwoTiers::kBack)[n]; }
  Process& BackProcess(std::size_t n) { return world.process(back(n)); }
  // Since `fault`, the last call that somebody waited for was sent to it so long after.
  Duration InUseFor(std::size_t n, Duration fault) const;
  // By how much the busiest instance has more than its fair share: 1 is fair.
  double Unfairness(const Window& window) const;
  double ShareOf(std::size_t n, const Window& window) const;  // of its fair share

  const TwoTiers plan;
  World world;
  Traffic traffic;
};

// Rows that every story shows of its time of trouble.
void ShowCalls(Report& report, std::string_view when, const Window& window);
// No call failed for which a person waits. An instance that has more to do than usual may refuse a
// few of the others: that is what their class is for.
void ClaimAnswered(Report& report, const Window& window);
// That, and nobody waited long, nobody was asked twice too often.
void ClaimUnharmed(Report& report, const Window& window, Duration slowest);

}  // namespace holdfast::sim
