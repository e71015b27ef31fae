// The lineup as a table, for spreadsheets. Read into the same list as a playlist is, so that both
// are imported by the same rules (lineup_import.h).
//
// The first line names the columns, in any order: name and directory are needed; channel_id,
// number, guide_id, logo, group ("News", or several: "News;HD"), package, encrypted, adult, hd,
// catch_up_hours and catch_up_source may be there. Without hd it is found as in playlists.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "services/middleware/domain/lineup.h"
#include "services/middleware/domain/m3u.h"

namespace holdfast::middleware {

// Rows that say nothing usable are left out and named in `problems`. INVALID_ARGUMENT names the
// column that is missing or unknown, or the line where the table breaks.
absl::StatusOr<M3uList> ListOfCsv(std::string_view text);

// What ListOfCsv reads back to the same lineup.
std::string ExportCsv(const Lineup& lineup);

}  // namespace holdfast::middleware
