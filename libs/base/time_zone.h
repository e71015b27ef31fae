// Time zones by their IANA names (std::chrono has none on this platform).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "libs/base/clock.h"

namespace holdfast {

// A value; cheap to copy. Thread-safe.
class TimeZone {
 public:
  TimeZone() : zone_(absl::UTCTimeZone()) {}

  // "Europe/London". Nothing if the name is unknown to the machine's tz database.
  static std::optional<TimeZone> Load(std::string_view name);
  static TimeZone Utc() { return {}; }

  // strftime-like, Abseil's syntax: Format("%Y-%m-%d %H:%M:%S", now).
  std::string Format(std::string_view format, WallTime t) const;

  // Seconds east of UTC at that instant.
  int OffsetSeconds(WallTime t) const;

  // The start of the local calendar day that holds `t`.
  WallTime StartOfDay(WallTime t) const;

  std::string name() const { return zone_.name(); }
  const absl::TimeZone& absl_zone() const { return zone_; }

 private:
  explicit TimeZone(absl::TimeZone zone) : zone_(zone) {}
  absl::TimeZone zone_;
};

}  // namespace holdfast
