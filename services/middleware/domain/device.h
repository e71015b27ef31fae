// A device: one set-top box, known by its MAC, of at most one account.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "services/middleware/domain/box_settings.h"
#include "services/middleware/domain/ids.h"
#include "services/middleware/domain/mac.h"

namespace holdfast::middleware {

struct Device {
  std::string mac;                    // Mac::text()
  std::int64_t id = 0;                // by order of registration; what the profile shows
  AccountId account;                  // empty: of no account yet
  std::uint32_t generation = 0;       // portal tokens of a smaller one are revoked
  std::string chosen_token_hash;      // of a token that the box made up itself and logged in with
  bool started = false;               // has loaded its profile at least once
  std::string hardware_id;            // first non-empty device_id it sent; "" before
  std::string model;                  // "MAG250"
  std::vector<ChannelId> favourites;  // in the order of the viewer
  std::int64_t favourites_at_ms = 0;  // when the viewer last changed them
  ChannelId last_channel{0};          // 0: none
  std::int64_t last_channel_at_ms = 0;
  std::int64_t session_since = 0;  // portal tokens made before (epoch seconds) are of an older one
  BoxSettings settings;
  std::uint64_t revision = 0;  // of the database row; 0: known from its token only

  friend bool operator==(const Device&, const Device&) = default;
};

// What this instance should hold after reading `stored` while holding `held`: the row as stored,
// but what the viewer changed here later and is not stored yet stays (the last writer wins).
Device Merge(const Device& held, Device stored);

// The viewer's list as a box sends it: "12,7,3". Duplicates and noise are left out; at most
// kMaxFavourites are kept.
inline constexpr std::size_t kMaxFavourites = 2000;
std::vector<ChannelId> ParseFavourites(std::string_view list);

// Channels that the viewer put behind the PIN, sorted.
std::vector<ChannelId> CensoredChannels(const BoxSettings& settings);

// 0 for anything but a positive number.
ChannelId ParseChannelId(std::string_view text);

}  // namespace holdfast::middleware
