#include "tests/sim/page.h"

#include <fmt/format.h>

#include <fstream>
#include <sstream>

#include "libs/base/status.h"

namespace holdfast::sim {

namespace {
constexpr std::string_view kMark = "<!-- What follows is written by `sim --page`. -->\n";
constexpr std::string_view kSummaryBegin = "<!-- What follows is written by `sim --summary`. -->\n";
constexpr std::string_view kSummaryEnd = "<!-- End of what `sim --summary` writes. -->\n";
constexpr std::string_view kSummaryHead =
    "| scenario | what is claimed: seen (must be) | command |\n|---|---|---|\n";

absl::Status Write(const std::string& path, std::string_view text) {
  std::ofstream out(path, std::ios::trunc);
  out << text << std::flush;
  if (!out) return Unavailable("{} cannot be written", path);
  return absl::OkStatus();
}

}  // namespace

std::string Section(const Scenario& scenario, const Report& report) {
  return fmt::format("\n### {}\n\n`sim {}`: {}", scenario.title, scenario.name, report.Markdown());
}

std::string SummaryRow(const Scenario& scenario, const Report& report) {
  std::string claims;
  for (const std::string_view measure : scenario.main) {
    claims += (claims.empty() ? "" : "; ") + report.Short(measure);
  }
  return fmt::format("| {} | {} | `sim {}` |\n", scenario.title, claims, scenario.name);
}

absl::Status WriteSummary(const std::string& path, std::string_view rows) {
  std::string page = ReadPage(path);
  const std::size_t begin = page.find(kSummaryBegin);
  const std::size_t end = page.find(kSummaryEnd);
  if (begin == std::string::npos || end == std::string::npos || end < begin) {
    return NotFound("{} has no lines {} and {}", path, kSummaryBegin, kSummaryEnd);
  }
  const std::size_t after = begin + kSummaryBegin.size();
  page.replace(after, end - after, fmt::format("\n{}{}\n", kSummaryHead, rows));
  return Write(path, page);
}

absl::Status WritePage(const std::string& path, std::string_view sections) {
  std::string page = ReadPage(path);
  const std::size_t mark = page.find(kMark);
  if (mark == std::string::npos) return NotFound("{} has no line {}", path, kMark);
  page.resize(mark + kMark.size());
  page += sections;
  return Write(path, page);
}

std::string ReadPage(const std::string& path) {
  const std::ifstream in(path);
  std::ostringstream page;
  page << in.rdbuf();
  return page.str();
}

}  // namespace holdfast::sim
