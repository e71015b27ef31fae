// An account's channels as a playlist (M3U), for players that know nothing else: /get.php.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "services/middleware/app_call.h"
#include "services/middleware/read_models.h"
#include "services/middleware/xtream_api.h"

namespace holdfast::middleware {

// How a playlist leads back to us.
struct PlaylistView {
  std::string_view base_url;
  const Credentials& credentials;
  bool with_attributes = true;       // tvg-id, group-title, catchup ...: "m3u_plus"
  std::string_view ending = "m3u8";  // of the stream addresses
};

std::string RenderPlaylist(const Lineup& lineup, const std::vector<const Channel*>& channels,
                           const PlaylistView& view);
// Stations, behind the channels: without attributes no player could tell them from channels, and
// they are left out. They are played where they are.
void AppendStations(std::string& m3u, const std::vector<const RadioStation*>& stations,
                    const PlaylistView& view);

// Thread-safe. Everything it is given outlives it.
class PlaylistExport {
 public:
  struct Parts {
    AppGate& gate;
    ReadModels& models;
    Metrics& metrics;
  };

  PlaylistExport(const AdultRule& adult, const Parts& parts);

  void AddRoutes(http::Router& router);

 private:
  std::optional<http::Response> Answer(AppCall& call);

  const AdultRule adult_;
  const Parts parts_;
  AppRoute route_;
};

}  // namespace holdfast::middleware
