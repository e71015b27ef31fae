// What a player or the portal reports about one viewing.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "libs/base/clock.h"
#include "libs/base/strong_id.h"

namespace holdfast::analytics {

using EventId = StrongId<struct EventIdTag>;
using ChannelId = StrongId<struct ChannelIdTag>;
using EdgeId = StrongId<struct EdgeIdTag>;

enum class EventKind { kPlay = 1, kStop = 2, kHeartbeat = 3, kError = 4, kZap = 5 };
constexpr int kEventKinds = 5;

std::string_view NameOf(EventKind kind);  // "play", for metrics

struct PlaybackEvent {
  EventId id;  // made by the reporter; equal ids are one event
  EventKind kind = EventKind::kPlay;
  ChannelId channel;
  EdgeId edge;        // "" if unknown
  std::string error;  // a short code, for kError
  WallTime at;        // the reporter's clock

  friend bool operator==(const PlaybackEvent&, const PlaybackEvent&) = default;
};

// INVALID_ARGUMENT names what is wrong: no id or channel, text that is too long or not printable,
// an error without a code, a time too far from `now`. Events older than kMaxEventAge are refused
// because a repetition could no longer be told from a new one.
absl::Status Validate(const PlaybackEvent& event, WallTime now);

constexpr auto kMaxEventAge = std::chrono::hours(24 * 7);
constexpr auto kMaxClockLead = std::chrono::minutes(10);

}  // namespace holdfast::analytics
