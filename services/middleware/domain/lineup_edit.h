// Changes of single channels, as operators make them beside whole imports. Plans are applied like
// those of imports; an import that does not name the channel takes it out again.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "services/middleware/domain/lineup_import.h"

namespace holdfast::middleware {

// The channel as it shall be. `wanted.id` 0: a new one; else one that is there. Its genre is named
// by its title; a new title makes a genre. Number 0: the next free one (or the present one).
// NOT_FOUND; INVALID_ARGUMENT names the field; ALREADY_EXISTS: number or directory is another's.
absl::StatusOr<LineupImport> PlanPutChannel(const StoredLineup& stored, Channel wanted,
                                            std::string_view genre_title, WallTime now);

// Keeps its id for the day it returns. NOT_FOUND.
absl::StatusOr<LineupImport> PlanRemoveChannel(const StoredLineup& stored, ChannelId id,
                                               WallTime now);

// "http://host/live/news-1/index.m3u8" or "live/news-1" -> "live/news-1". INVALID_ARGUMENT.
absl::StatusOr<std::string> ParseDirectory(std::string_view address);

}  // namespace holdfast::middleware
