// What a box says that it runs, and whether that is too old to work with this portal.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace holdfast::middleware {

// "... Player Engine version: 0x566" -> 0x566. Nothing for clients that do not say.
std::optional<std::int64_t> PlayerVersionIn(std::string_view ver);

// MAG200 and MAG260 count their versions in another way and are never too old. Nor is a client that
// names no version: it is no box.
bool IsTooOld(std::string_view ver, std::string_view model, std::int64_t oldest_player);

}  // namespace holdfast::middleware
