// What a scenario saw, beside what must be: a table for people and the verdict for the test.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/clock.h"

namespace holdfast::sim {

class Report {
 public:
  explicit Report(std::string_view story) : story_(story) {}

  void Show(std::string_view measure, std::string_view value);
  void Exactly(std::string_view measure, std::uint64_t seen, std::uint64_t expected);
  void AtMost(std::string_view measure, std::uint64_t seen, std::uint64_t bound);
  void AtMost(std::string_view measure, double seen, double bound);
  void AtMost(std::string_view measure, Duration seen, Duration bound);
  void AtLeast(std::string_view measure, std::uint64_t seen, std::uint64_t bound);
  void AtLeast(std::string_view measure, double seen, double bound);
  // Shares of one, shown in percent.
  void ShareAtLeast(std::string_view measure, double seen, double bound);
  void ShareAtMost(std::string_view measure, double seen, double bound);

  bool holds() const;
  // "failed calls 0 (at most 3)". Broken invariant: it has no such measure.
  std::string Short(std::string_view measure) const;
  std::string Text() const;
  std::string Markdown() const;

 private:
  struct Row {
    std::string measure;
    std::string seen;
    std::string must_be;  // empty: only shown
    bool holds = true;
  };

  void Add(std::string_view measure, std::string seen, std::string must_be, bool holds);

  std::string story_;
  std::vector<Row> rows_;
};

std::string InMillis(Duration duration);  // "12.5 ms"

}  // namespace holdfast::sim
