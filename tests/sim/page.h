// docs/simulation.md shows what the simulation sees, docs/resilience.md the most important of it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "tests/sim/scenario.h"

namespace holdfast::sim {

inline constexpr std::string_view kPage = "docs/simulation.md";
inline constexpr std::string_view kSummaryPage = "docs/resilience.md";
inline constexpr std::uint64_t kPageSeed = 1;

// A scenario as the page shows it.
std::string Section(const Scenario& scenario, const Report& report);

// A scenario as a row of the summary.
std::string SummaryRow(const Scenario& scenario, const Report& report);

// Replaces everything that follows the mark in the page.
absl::Status WritePage(const std::string& path, std::string_view sections);
// Replaces what is between the two marks of the summary.
absl::Status WriteSummary(const std::string& path, std::string_view rows);
// Empty: it cannot be read.
std::string ReadPage(const std::string& path);

}  // namespace holdfast::sim
