// Addresses that a player opens: signed, on the edge that serves the content best now. Memory only.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "libs/placement/placement.h"
#include "libs/security/key_set.h"
#include "services/middleware/domain/catch_up.h"
#include "services/middleware/domain/lineup.h"
#include "services/middleware/read_models.h"

namespace holdfast::middleware {

// Whom the link is for: what a play token says of them.
struct StreamViewer {
  std::string account;
  std::string device_id;
};

struct StreamLink {
  std::string address;
  std::string edge_id;  // "" when it is not one of ours
};

// When a link of a signing edge expires, epoch seconds; 0 for any other text. Percent-encoding does
// not matter: boxes tell what they play in several forms.
std::int64_t ExpiryOfLink(std::string_view link);

// Thread-safe: no state of its own. All it is given must outlive it. Nothing comes back when there
// is no edge, or none whose links can be signed.
class StreamLinks {
 public:
  struct Options {
    std::string zone;  // of this instance: its edges come first
    std::chrono::milliseconds lifetime = std::chrono::hours(12);
  };

  StreamLinks(const Options& options, ReadModels& models, const security::KeySet& play_keys,
              const placement::LinkSecrets& secrets)
      : options_(options), models_(models), play_keys_(play_keys), secrets_(secrets) {}

  std::optional<StreamLink> Live(const Channel& channel, const StreamViewer& viewer,
                                 WallTime now) const;
  // `programme_id` stands for {catchup-id}.
  std::optional<StreamLink> CatchUp(const Channel& channel, const AirTime& air_time,
                                    std::string_view programme_id, const StreamViewer& viewer,
                                    WallTime now) const;
  // A file that is not of a channel: "vod/film-1" and "film.mp4".
  std::optional<StreamLink> File(std::string_view directory, std::string_view file,
                                 WallTime now) const;

  std::optional<std::chrono::seconds> EdgesStaleSince() const;

 private:
  std::optional<StreamLink> OfChannel(const Channel& channel, std::string_view file,
                                      const StreamViewer& viewer, WallTime now) const;
  std::optional<StreamLink> OnBestEdge(const placement::LinkRequest& request) const;

  const Options options_;
  ReadModels& models_;
  const security::KeySet& play_keys_;
  const placement::LinkSecrets& secrets_;
};

}  // namespace holdfast::middleware
