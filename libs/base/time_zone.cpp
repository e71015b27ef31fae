#include "libs/base/time_zone.h"

namespace holdfast {

std::optional<TimeZone> TimeZone::Load(std::string_view name) {
  absl::TimeZone zone;
  if (!absl::LoadTimeZone(absl::string_view(name.data(), name.size()), &zone)) return std::nullopt;
  return TimeZone(zone);
}

std::string TimeZone::Format(std::string_view format, WallTime t) const {
  return absl::FormatTime(absl::string_view(format.data(), format.size()), absl::FromChrono(t), zone_);
}

int TimeZone::OffsetSeconds(WallTime t) const { return zone_.At(absl::FromChrono(t)).offset; }

WallTime TimeZone::StartOfDay(WallTime t) const {
  const absl::CivilDay day(absl::ToCivilSecond(absl::FromChrono(t), zone_));
  return absl::ToChronoTime(zone_.At(absl::CivilSecond(day)).trans);
}

}  // namespace holdfast
