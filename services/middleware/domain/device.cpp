#include "services/middleware/domain/device.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "absl/container/flat_hash_set.h"

namespace holdfast::middleware {
namespace {

std::string_view Trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

}  // namespace

Device Merge(const Device& held, Device stored) {
  if (held.favourites_at_ms > stored.favourites_at_ms) {
    stored.favourites = held.favourites;
    stored.favourites_at_ms = held.favourites_at_ms;
  }
  if (held.last_channel_at_ms > stored.last_channel_at_ms) {
    stored.last_channel = held.last_channel;
    stored.last_channel_at_ms = held.last_channel_at_ms;
  }
  stored.session_since = std::max(stored.session_since, held.session_since);
  MergeNewer(stored.settings, held.settings);
  return stored;
}

ChannelId ParseChannelId(std::string_view text) {
  text = Trim(text);
  std::int64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size() || id <= 0) return ChannelId(0);
  return ChannelId(id);
}

std::vector<ChannelId> ParseFavourites(std::string_view list) {
  std::vector<ChannelId> favourites;
  absl::flat_hash_set<ChannelId> seen;
  while (!list.empty() && favourites.size() < kMaxFavourites) {
    const std::size_t comma = list.find(',');
    const ChannelId id = ParseChannelId(list.substr(0, comma));
    if (id.value() != 0 && seen.insert(id).second) favourites.push_back(id);
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return favourites;
}

std::vector<ChannelId> CensoredChannels(const BoxSettings& settings) {
  std::vector<ChannelId> channels;
  for (auto it = settings.lower_bound(kCensoredOf);
       it != settings.end() && it->first.starts_with(kCensoredOf); ++it) {
    const ChannelId id = ParseChannelId(std::string_view(it->first).substr(kCensoredOf.size()));
    if (it->second.value == "1" && id.value() != 0) channels.push_back(id);
  }
  std::sort(channels.begin(), channels.end());
  return channels;
}

}  // namespace holdfast::middleware
