// Where a guide comes from.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace holdfast::epg {

struct Source {
  std::string name;
  std::string uri;
  std::string default_zone;  // IANA name; empty: UTC
  std::vector<std::string> languages;
  int shift_minutes = 0;
  bool disabled = false;

  std::int64_t last_import_at = 0;  // UTC epoch seconds, 0: never
  int last_programmes = 0;          // of the last import that was taken, within its window
  std::string last_digest;          // of the bytes then
  std::string last_error;
};

// INVALID_ARGUMENT names the field.
absl::Status CheckSource(const Source& source);

// Whether a feed may replace what is there: OK, or FAILED_PRECONDITION with the reason. A feed that
// lost most of its programmes, or that has none in the future, is a fault of the feed.
struct FeedFacts {
  int programmes_in_window = 0;
  std::int64_t last_stop = 0;  // UTC epoch seconds
};
absl::Status CheckFeed(const Source& source, const FeedFacts& feed, std::int64_t now,
                       double max_shrink);

}  // namespace holdfast::epg
