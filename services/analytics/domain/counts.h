// Sums of events, as reports show them.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "libs/base/clock.h"

namespace holdfast::analytics {

struct Counts {
  std::int64_t plays = 0;
  std::int64_t stops = 0;
  std::int64_t heartbeats = 0;
  std::int64_t errors = 0;
  std::int64_t zaps = 0;

  friend bool operator==(const Counts&, const Counts&) = default;
};

struct CountsRow {
  std::string key;  // a channel or an edge
  Counts counts;

  friend bool operator==(const CountsRow&, const CountsRow&) = default;
};

struct ErrorCount {
  std::string error;
  std::int64_t count = 0;

  friend bool operator==(const ErrorCount&, const ErrorCount&) = default;
};

// What a report covers: whole minutes of [from, to).
struct ReportRange {
  WallTime from;
  WallTime to;
  int limit = 100;
};

constexpr int kDefaultReportRows = 100;
constexpr int kMaxReportRows = 1000;
constexpr auto kMaxReportSpan = std::chrono::hours(24 * 31);

// INVALID_ARGUMENT: empty, backwards, too long, or too many rows.
absl::Status Validate(const ReportRange& range);

}  // namespace holdfast::analytics
