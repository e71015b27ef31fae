// Changes of single channels and groups, and what a change of the lineup means in words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "services/middleware/domain/lineup_import.h"

namespace holdfast::middleware {

// The group of adult channels, by which lists and scripts name it (kAdultGenre is its id).
inline constexpr std::string_view kAdultTitle = "Adult";

// All of `wanted` is what the channel will be; an id of 0 makes a new one, a number of 0 takes the
// next free one, an empty package is "basic". An adult channel is of the adult group alone; what
// monitoring said stays. The messages
// of INVALID_ARGUMENT and ALREADY_EXISTS begin with the field. NOT_FOUND: no present channel has
// the id.
absl::StatusOr<LineupImport> PlanPutChannel(const StoredLineup& stored, Channel wanted,
                                            WallTime now);

// NOT_FOUND.
absl::StatusOr<LineupImport> PlanRemoveChannel(const StoredLineup& stored, ChannelId id,
                                               WallTime now);

// What monitoring says of present channels; saying the same again changes nothing. NOT_FOUND.
absl::StatusOr<LineupImport> PlanMonitoring(const StoredLineup& stored,
                                            absl::Span<const ChannelId> ids, bool down,
                                            WallTime now);

// An id of 0 makes a new one. INVALID_ARGUMENT, ALREADY_EXISTS, NOT_FOUND as above.
absl::StatusOr<LineupImport> PlanPutGenre(const StoredLineup& stored, Genre wanted);

struct LineupChange {
  enum class Kind { kAdded, kChanged, kRemoved };
  struct Field {
    std::string name, before, after;
  };
  Kind kind = Kind::kAdded;
  ChannelId channel{0};
  int number = 0;
  std::string name;
  std::vector<Field> fields;  // of a changed channel
};

// What the plan does to `stored`, by the number of the channel, at most `limit` changes.
std::vector<LineupChange> DescribeChanges(const StoredLineup& stored, const LineupImport& plan,
                                          std::size_t limit);

}  // namespace holdfast::middleware
