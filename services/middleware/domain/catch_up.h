// Catch-up: what has been on air can be watched again for a while, and what is on from its
// beginning. Decides whether, and writes the part of the address that says when.
//
// Where a channel's archive lies is said by Channel::catch_up_source:
//
//   ""                          on our edges, in the form of Flussonic:
//                               live/<stream>/index-<start>-<duration>.m3u8
//   "http://a/x?from={utc}"     anywhere, by an address with placeholders
//   "?utc={utc}&lutc={lutc}"    behind the live address, likewise
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "services/middleware/domain/lineup.h"

namespace holdfast::middleware {

// From `start` to `stop`, UTC epoch seconds. `stop` may lie ahead: it is still being recorded.
struct AirTime {
  std::int64_t start = 0;
  std::int64_t stop = 0;

  std::int64_t duration() const { return stop - start; }
};

enum class CatchUpVerdict {
  kAllowed,
  kNoArchive,  // the channel offers none
  kNotYet,     // has not begun
  kTooOld,     // no longer kept
};

// Only what the archive holds; whether the account may watch the channel is MayWatch.
CatchUpVerdict DecideCatchUp(const Channel& channel, const AirTime& air_time, std::int64_t now);

// Where the archive of the channel begins now.
std::int64_t ArchiveBegins(const Channel& channel, std::int64_t now);
// The part of the air time that is kept: what began before the archive did begins with it.
AirTime KeptPart(const Channel& channel, const AirTime& air_time, std::int64_t now);

enum class CatchUpPlace { kEdge, kAddress, kBehindLive };
CatchUpPlace PlaceOfCatchUp(std::string_view catch_up_source);

// "index-1767348000-3600.m3u8"
std::string ArchiveFile(const AirTime& air_time);

// Fills the placeholders that players know from playlists: {utc} {lutc} {utcend} {duration}
// {offset} {Y} {m} {d} {H} {M} {S} {catchup-id}, and ${start} ${end} ${now} ${timestamp}
// ${duration} ${offset}. {duration:60} and {offset:60} divide; {utc:YmdHMS} (and lutc, utcend)
// writes the time by those letters. Times are UTC. What is none of these stays as it is.
std::string FillTemplate(std::string_view text, const AirTime& air_time, std::int64_t now,
                         std::string_view programme_id);

}  // namespace holdfast::middleware
