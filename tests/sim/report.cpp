#include "tests/sim/report.h"

#include <fmt/format.h>

#include <algorithm>

#include "libs/base/check.h"

namespace holdfast::sim {

namespace {

std::string Percent(double share) { return fmt::format("{:.3f} %", share * 100); }

}  // namespace

std::string InMillis(Duration duration) {
  return fmt::format("{:.1f} ms", std::chrono::duration<double, std::milli>(duration).count());
}

void Report::Add(std::string_view measure, std::string seen, std::string must_be, bool holds) {
  rows_.push_back({std::string(measure), std::move(seen), std::move(must_be), holds});
}

void Report::Show(std::string_view measure, std::string_view value) {
  Add(measure, std::string(value), "", true);
}

void Report::Exactly(std::string_view measure, std::uint64_t seen, std::uint64_t expected) {
  Add(measure, fmt::format("{}", seen), fmt::format("{}", expected), seen == expected);
}

void Report::AtMost(std::string_view measure, std::uint64_t seen, std::uint64_t bound) {
  Add(measure, fmt::format("{}", seen), bound == 0 ? "0" : fmt::format("at most {}", bound),
      seen <= bound);
}

void Report::AtMost(std::string_view measure, double seen, double bound) {
  Add(measure, fmt::format("{:.3f}", seen), fmt::format("at most {:g}", bound), seen <= bound);
}

void Report::AtMost(std::string_view measure, Duration seen, Duration bound) {
  Add(measure, InMillis(seen), fmt::format("at most {}", InMillis(bound)), seen <= bound);
}

void Report::AtLeast(std::string_view measure, std::uint64_t seen, std::uint64_t bound) {
  Add(measure, fmt::format("{}", seen), fmt::format("at least {}", bound), seen >= bound);
}

void Report::AtLeast(std::string_view measure, double seen, double bound) {
  Add(measure, fmt::format("{:.3f}", seen), fmt::format("at least {:g}", bound), seen >= bound);
}

void Report::ShareAtLeast(std::string_view measure, double seen, double bound) {
  Add(measure, Percent(seen), fmt::format("at least {:g} %", bound * 100), seen >= bound);
}

void Report::ShareAtMost(std::string_view measure, double seen, double bound) {
  Add(measure, Percent(seen), fmt::format("at most {:g} %", bound * 100), seen <= bound);
}

bool Report::holds() const {
  return std::all_of(rows_.begin(), rows_.end(), [](const Row& row) { return row.holds; });
}

std::string Report::Short(std::string_view measure) const {
  const auto row = std::find_if(rows_.begin(), rows_.end(),
                                [&](const Row& each) { return each.measure == measure; });
  HOLDFAST_CHECK(row != rows_.end());
  return fmt::format("{}: {}{} ({})", row->measure, row->seen, row->holds ? "" : " (broken)",
                     row->must_be);
}

std::string Report::Text() const {
  std::size_t first = 0;
  std::size_t second = 0;
  for (const Row& row : rows_) {
    first = std::max(first, row.measure.size());
    second = std::max(second, row.seen.size());
  }
  std::string text = story_ + "\n";
  for (const Row& row : rows_) {
    text += fmt::format("  {:<{}}  {:>{}}  {}{}\n", row.measure, first, row.seen, second,
                        row.must_be, row.holds ? "" : "   <-- BROKEN");
  }
  return text;
}

std::string Report::Markdown() const {
  std::string text = story_ + "\n\n| measure | seen | must be |\n|---|---|---|\n";
  for (const Row& row : rows_) {
    text += fmt::format("| {} | {}{} | {} |\n", row.measure, row.seen, row.holds ? "" : " (broken)",
                        row.must_be);
  }
  return text;
}

}  // namespace holdfast::sim
