// The name by which playlists, Xtream lists and the XMLTV export call one channel's guide.
#pragma once

#include <string>
#include <string_view>

namespace holdfast::middleware {

// XMLTV wants a channel id to look like the name of a host: letters, digits and '-' with at least
// one dot. An id of that form stays as it is; any other becomes one, always the same and different
// for different ids: "UK_RT_2667" gives "UK-RT-2667.8f14e45f". "" stays "".
std::string ExportedGuideId(std::string_view guide_id);

}  // namespace holdfast::middleware
