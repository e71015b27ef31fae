#include "tests/sim/page.h"

#include <fmt/format.h>

#include <fstream>
#include <sstream>

#include "libs/base/status.h"

namespace holdfast::sim {

namespace {
constexpr std::string_view kMark = "<!-- What follows is written by `sim --page`. -->\n";
}

std::string Section(const Scenario& scenario, const Report& report) {
  return fmt::format("\n### {}\n\n`sim {}`: {}", scenario.title, scenario.name, report.Markdown());
}

absl::Status WritePage(const std::string& path, std::string_view sections) {
  std::string page = ReadPage(path);
  const std::size_t mark = page.find(kMark);
  if (mark == std::string::npos) return NotFound("{} has no line {}", path, kMark);
  page.resize(mark + kMark.size());
  page += sections;
  std::ofstream out(path, std::ios::trunc);
  out << page << std::flush;
  if (!out) return Unavailable("{} cannot be written", path);
  return absl::OkStatus();
}

std::string ReadPage(const std::string& path) {
  const std::ifstream in(path);
  std::ostringstream page;
  page << in.rdbuf();
  return page.str();
}

}  // namespace holdfast::sim
