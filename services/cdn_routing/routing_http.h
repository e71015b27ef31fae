// The public port: sends a player to the best edge for a channel, from memory.
//
//   GET /route/live/{channel}/{file}[?token=<play token>][&format=json][&trred=false]
//       302 to the signed link; format=json: 200 {"location":..,"locations":[..]}, best first;
//       trred=false: 200 {"locations":[..]} (Traffic Router's spelling)
//       403 for a play token that is not good, or is for another channel
//   GET /health
//
// Answers as long as any edge is known: when most look down, health is ignored (panic rule).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/clock.h"
#include "libs/http/server.h"
#include "libs/placement/placement.h"
#include "libs/security/key_set.h"
#include "services/cdn_routing/edge_board.h"
#include "services/cdn_routing/metrics.h"

namespace holdfast::cdn_routing {

// Thread-safe; what is borrowed outlives the router made of it.
class RoutingHttp {
 public:
  struct Options {
    std::string zone;  // ours: edges there come first
    std::chrono::milliseconds link_ttl = std::chrono::hours(12);
    bool links_without_token = true;
  };
  struct Parts {
    const EdgeBoard& board;
    const placement::LinkSecrets& secrets;
    const security::KeySet& play_keys;
    const Metrics& metrics;
    const Clock& clock;
    std::function<Duration()> inventory_age;  // since the database was last heard
  };

  RoutingHttp(const Options& options, Parts parts);

  http::Router Routes();

 private:
  struct Wish;  // what a player asked for

  http::Response Route(const http::Request& request) const;
  absl::StatusOr<Wish> Read(const http::Request& request) const;
  absl::Status CheckToken(Wish& wish) const;
  http::Response Redirect(const Wish& wish) const;
  http::Response List(const Wish& wish, bool with_best) const;
  http::Response Refuse(int status, std::string_view reason, std::string_view text) const;
  void MarkDegraded(http::Response& response) const;

  const Options options_;
  const Parts parts_;
};

}  // namespace holdfast::cdn_routing
