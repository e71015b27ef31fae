#include "services/epg/domain/source.h"

#include <algorithm>
#include <string_view>

#include "libs/base/status.h"
#include "libs/base/time_zone.h"

namespace holdfast::epg {
namespace {

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool BeginsWith(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

}  // namespace

absl::Status CheckSource(const Source& source) {
  const bool good_name = !source.name.empty() && source.name.size() <= 64 &&
                         std::all_of(source.name.begin(), source.name.end(), IsNameCharacter);
  if (!good_name) {
    return InvalidArgument("name '{}': 1 to 64 characters of a-z 0-9 - _", source.name);
  }
  if (!BeginsWith(source.uri, "file:///") && !BeginsWith(source.uri, "http://")) {
    return InvalidArgument("uri '{}': must begin with file:/// or http://", source.uri);
  }
  if (!source.default_zone.empty() && !TimeZone::Load(source.default_zone)) {
    return InvalidArgument("default_zone '{}': not a known time zone", source.default_zone);
  }
  if (source.shift_minutes < -1440 || source.shift_minutes > 1440) {
    return InvalidArgument("shift_minutes {}: must be within -1440..1440", source.shift_minutes);
  }
  return absl::OkStatus();
}

absl::Status CheckFeed(const Source& source, const FeedFacts& feed, std::int64_t now,
                       double max_shrink) {
  if (feed.programmes_in_window == 0) {
    return FailedPrecondition("source {}: the feed has no programme in the guide's window",
                              source.name);
  }
  if (feed.last_stop <= now) {
    return FailedPrecondition("source {}: the feed is stale, its last programme has ended",
                              source.name);
  }
  const double floor = source.last_programmes * (1.0 - max_shrink);
  if (feed.programmes_in_window < floor) {
    return FailedPrecondition("source {}: the feed shrank from {} to {} programmes", source.name,
                              source.last_programmes, feed.programmes_in_window);
  }
  return absl::OkStatus();
}

}  // namespace holdfast::epg
