// Runs the simulation by hand.
//
//   sim                          all scenarios, a table for each
//   sim NAME...                  some of them
//   sim --list                   their names
//   sim --seed S ...             another seed than 1
//   sim --seeds N [--from S]     N trials with random faults; says which seeds broke a claim
//   sim --markdown               the tables as docs/simulation.md shows them
//   sim --page FILE              writes them into that page
//   sim --summary FILE           writes a row for each into docs/resilience.md
//   sim --page FILE --summary FILE   both, in one run
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/status.h"
#include "tests/sim/page.h"
#include "tests/sim/scenario.h"
#include "tests/sim/trial.h"

namespace holdfast::sim {
namespace {

struct Arguments {
  enum class Mode { kText, kList, kMarkdown, kPages, kTrials };

  Mode mode = Mode::kText;
  std::uint64_t seed = kPageSeed;
  std::uint64_t trials = 0;
  std::string page;
  std::string summary;
  std::vector<std::string_view> names;
};

Arguments Parse(const std::vector<std::string_view>& words) {
  Arguments arguments;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    const auto value = [&] { return i + 1 < words.size() ? std::string(words[++i]) : ""; };
    const auto number = [&] { return std::strtoull(value().c_str(), nullptr, 10); };
    if (word == "--seed" || word == "--from") {
      arguments.seed = number();
    } else if (word == "--seeds") {
      arguments.mode = Arguments::Mode::kTrials;
      arguments.trials = number();
    } else if (word == "--list") {
      arguments.mode = Arguments::Mode::kList;
    } else if (word == "--markdown") {
      arguments.mode = Arguments::Mode::kMarkdown;
    } else if (word == "--page") {
      arguments.mode = Arguments::Mode::kPages;
      arguments.page = value();
    } else if (word == "--summary") {
      arguments.mode = Arguments::Mode::kPages;
      arguments.summary = value();
    } else {
      arguments.names.push_back(word);
    }
  }
  return arguments;
}

std::vector<Scenario> Chosen(const Arguments& arguments) {
  std::vector<Scenario> scenarios = AllScenarios();
  const auto& names = arguments.names;
  if (names.empty()) return scenarios;
  std::erase_if(scenarios, [&](const Scenario& scenario) {
    return std::find(names.begin(), names.end(), scenario.name) == names.end();
  });
  return scenarios;
}

// Those that nobody knows, for a message.
std::string Unknown(const Arguments& arguments) {
  std::string unknown;
  const std::vector<Scenario> scenarios = AllScenarios();
  for (const std::string_view name : arguments.names) {
    const bool known = std::any_of(scenarios.begin(), scenarios.end(),
                                   [&](const Scenario& scenario) { return scenario.name == name; });
    if (!known) unknown += fmt::format(" {}", name);
  }
  return unknown;
}

bool ShowScenarios(const Arguments& arguments) {
  if (const std::string unknown = Unknown(arguments); !unknown.empty()) {
    fmt::print(stderr, "there is no scenario{}; sim --list names them\n", unknown);
    return false;
  }
  bool holds = true;
  for (const Scenario& scenario : Chosen(arguments)) {
    const auto start = std::chrono::steady_clock::now();
    const Report report = scenario.run(arguments.seed);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    holds = holds && report.holds();
    if (arguments.mode == Arguments::Mode::kMarkdown) {
      fmt::print("{}", Section(scenario, report));
    } else {
      fmt::print("{} ({}, {:.1f} s)\n{}\n", scenario.title, scenario.name, took.count(),
                 report.Text());
    }
    std::fflush(stdout);
  }
  return holds;
}

bool Written(const absl::Status& status) {
  if (!status.ok()) fmt::print(stderr, "{}\n", ToString(status));
  return status.ok();
}

bool WriteThePages(const Arguments& arguments) {
  std::string sections;
  std::string rows;
  bool holds = true;
  for (const Scenario& scenario : AllScenarios()) {
    const Report report = scenario.run(kPageSeed);
    holds = holds && report.holds();
    if (!report.holds()) fmt::print(stderr, "{}\n{}\n", scenario.title, report.Text());
    sections += Section(scenario, report);
    rows += SummaryRow(scenario, report);
  }
  if (!arguments.page.empty() && !Written(WritePage(arguments.page, sections))) return false;
  if (!arguments.summary.empty() && !Written(WriteSummary(arguments.summary, rows))) return false;
  return holds;
}

bool RunTrials(const Arguments& arguments) {
  std::uint64_t broken = 0;
  for (std::uint64_t seed = arguments.seed; seed < arguments.seed + arguments.trials; ++seed) {
    const Trial trial = RunTrial(seed);
    if (trial.report.holds()) continue;
    ++broken;
    fmt::print("{}\n", trial.report.Text());
    std::fflush(stdout);
  }
  fmt::print("{} of {} seeds broke a claim; sim --seeds 1 --from SEED repeats one\n", broken,
             arguments.trials);
  return broken == 0;
}

bool Run(const Arguments& arguments) {
  switch (arguments.mode) {
    case Arguments::Mode::kText:
    case Arguments::Mode::kMarkdown:
      return ShowScenarios(arguments);
    case Arguments::Mode::kPages:
      return WriteThePages(arguments);
    case Arguments::Mode::kTrials:
      return RunTrials(arguments);
    case Arguments::Mode::kList:
      for (const Scenario& scenario : AllScenarios()) {
        fmt::print("{:<26} {}\n", scenario.name, scenario.title);
      }
      return true;
  }
  return false;
}

}  // namespace
}  // namespace holdfast::sim

int main(int argc, char** argv) {
  using namespace holdfast::sim;
  return Run(Parse({argv + 1, argv + argc})) ? EXIT_SUCCESS : EXIT_FAILURE;
}
