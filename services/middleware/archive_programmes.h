// Finds the programme that a box means when it hands back a name of it.
#pragma once

#include <optional>
#include <string_view>

#include "services/middleware/domain/catch_up.h"
#include "services/middleware/domain/guide.h"
#include "services/middleware/domain/lineup.h"

namespace holdfast::middleware {

// Points into the lineup and the guide that were searched.
struct FoundProgramme {
  const Channel* channel = nullptr;
  const Programme* programme = nullptr;

  AirTime air_time() const { return {programme->start, programme->stop}; }
};

// "12_1767348000": the channel and the start. With a start at which no programme begins, it is the
// one that is on then.
std::optional<FoundProgramme> FindByRealId(const Lineup& lineup, const Guide& guide,
                                           std::string_view real_id);

// The number of a guide row (RowId), of a programme that begins at most sixty days before
// `latest_start`. Only channels with an archive are looked at.
std::optional<FoundProgramme> FindByRowId(const Lineup& lineup, const Guide& guide,
                                          std::int64_t row_id, std::int64_t latest_start);

}  // namespace holdfast::middleware
