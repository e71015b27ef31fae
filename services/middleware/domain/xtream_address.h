// The words that apps of the Xtream family put into addresses of streams.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "services/middleware/domain/ids.h"

namespace holdfast::middleware {

enum class StreamForm {
  kUnsaid,  // "101"
  kHls,     // "101.m3u8"
  kTs,      // "101.ts"
};

struct StreamFile {
  ChannelId id{0};
  StreamForm form = StreamForm::kUnsaid;
};

// Nothing for any other form.
std::optional<StreamFile> ParseStreamFile(std::string_view file);

// When a catch-up stream begins, in epoch seconds; times are UTC. Understood:
// "2026-01-02:10-00", "2026-01-02:10-00-30", "2026-01-02_10-00", "2026-01-02:10:00",
// "2026-01-02 10:00:00", "2026-01-02T10:00:00Z" (also "+02:00", and a fraction, which is cut off),
// and epoch seconds or milliseconds.
std::optional<std::int64_t> ParseCatchUpStart(std::string_view text);

// Whole minutes, from 1 to a day.
std::optional<std::int64_t> ParseCatchUpMinutes(std::string_view text);

}  // namespace holdfast::middleware
