#include "services/middleware/domain/firmware.h"

#include <charconv>

namespace holdfast::middleware {

std::optional<std::int64_t> PlayerVersionIn(std::string_view ver) {
  constexpr std::string_view kMark = "Player Engine version: 0x";
  const std::size_t at = ver.find(kMark);
  if (at == std::string_view::npos) return std::nullopt;
  ver.remove_prefix(at + kMark.size());
  std::int64_t version = 0;
  const auto [end, error] = std::from_chars(ver.data(), ver.data() + ver.size(), version, 16);
  if (error != std::errc() || end == ver.data() || version < 0) return std::nullopt;
  return version;
}

bool IsTooOld(std::string_view ver, std::string_view model, std::int64_t oldest_player) {
  if (model == "MAG200" || model == "MAG260") return false;
  const std::optional<std::int64_t> version = PlayerVersionIn(ver);
  return version && *version < oldest_player;
}

}  // namespace holdfast::middleware
