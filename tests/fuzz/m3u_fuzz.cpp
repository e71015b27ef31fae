// A playlist as an operator uploads it, from the text to the decided import and back.
#include <cstdint>
#include <string>

#include "libs/base/check.h"
#include "services/middleware/domain/lineup_import.h"

namespace holdfast::middleware {
namespace {

void CheckPlaylist(const std::string& text) {
  const M3uLimits limits{.entries = 200, .line_bytes = 4096, .attributes = 16, .problems = 50};
  const M3uList list = ParseM3u(text, limits);
  HOLDFAST_CHECK(list.entries.size() <= limits.entries);
  HOLDFAST_CHECK(list.problems.size() <= limits.problems + 1);
  for (const M3uEntry& entry : list.entries) {
    HOLDFAST_CHECK(!entry.name.empty());
    HOLDFAST_CHECK(CleanUtf8(entry.name) == entry.name);
    HOLDFAST_CHECK(CleanUtf8(entry.address) == entry.address);
  }
  const WallTime now = FromEpochSeconds(1767348000);
  const auto plan = PlanImport({}, list, LargeRemoval::kAllow, now);
  if (!plan.ok()) return;
  HOLDFAST_CHECK(plan->added == static_cast<int>(plan->put_channels.size()));
  const StoredLineup stored{.channels = plan->put_channels, .genres = plan->put_genres};
  // The same list again is the same lineup.
  const auto again = PlanImport(stored, list, LargeRemoval::kRefuse, now);
  HOLDFAST_CHECK(again.ok());
  const std::string exported = ExportM3u(Lineup(stored.channels, stored.genres, 1), "http://edge");
  ParseM3u(exported);
}

}  // namespace
}  // namespace holdfast::middleware

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  holdfast::middleware::CheckPlaylist(std::string(reinterpret_cast<const char*>(data), size));
  return 0;
}
