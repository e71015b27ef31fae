// Identifiers of middleware's own things.
#pragma once

#include <cstdint>
#include <string>

#include "libs/base/strong_id.h"

namespace holdfast::middleware {

using AccountId = StrongId<struct AccountIdTag>;                // billing's
using PackageId = StrongId<struct PackageIdTag>;                // billing's
using ChannelId = StrongId<struct ChannelIdTag, std::int64_t>;  // what boxes call ch_id
using LinkId = StrongId<struct LinkIdTag, std::int64_t>;        // one way to play a channel
using GenreId = StrongId<struct GenreIdTag, std::int64_t>;

}  // namespace holdfast::middleware
