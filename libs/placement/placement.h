// Which edge a player should use for a channel, decided from the edge table in memory. Shared by
// middleware (stream links) and cdn_routing (redirects), so that both send a channel to the same
// place and caches stay warm.
//
// Rendezvous hashing with weights (score = -weight / ln(h), Thaler & Ravishankar 1998; weighted form
// by Schindelhauer & Schomaker 2005): each channel has its own order of edges, the order moves
// minimally when an edge comes or goes, and the next choice is known in advance.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/clock.h"
#include "libs/base/string_map.h"

namespace holdfast::placement {

struct Edge {
  enum class Health { kUp, kDown, kDraining };
  std::string id;
  std::string cdn;
  std::string site;
  std::string zone;
  std::string base_url;  // no trailing slash
  int weight = 100;
  Health health = Health::kUp;
  std::string signing_key_id;  // empty: links are not signed
};

// Immutable; replaced as a whole. Thread-safe.
class EdgeTable {
 public:
  explicit EdgeTable(std::vector<Edge> edges);

  // Edges for the channel, best first: up in `zone`, up elsewhere, and last draining and down ones
  // (a wrong health verdict must not leave a viewer with nothing). When fewer than half of all
  // edges are up, health is ignored (panic rule). Empty only if the table is.
  std::vector<const Edge*> Rank(std::string_view channel, std::string_view zone) const;

  // The first of Rank, without making the list. Null only if the table is empty.
  const Edge* Best(std::string_view channel, std::string_view zone) const;

  const std::vector<Edge>& edges() const { return edges_; }

 private:
  std::vector<Edge> edges_;
  std::vector<std::uint64_t> hashes_;  // of the edge ids, beside edges_
  bool panic_ = false;
};

// Secrets of the CDNs by signing key id, from a folder of <id>.key files (text, trimmed).
class LinkSecrets {
 public:
  static LinkSecrets Load(const std::string& folder);  // an absent folder: none
  const std::string* Get(std::string_view key_id) const { return Find(secrets_, key_id); }
  void Set(std::string_view key_id, std::string secret) { secrets_[std::string(key_id)] = std::move(secret); }

 private:
  StringMap<std::string> secrets_;
};

struct LinkRequest {
  std::string_view directory;   // "live/ch-7"
  std::string_view file;        // "index.m3u8"
  std::string_view play_token;  // "" for a clear channel
  WallTime expires;
};

// The full address on that edge, signed with the edge's CDN secret. Empty if the edge wants a
// signature and its secret is not held.
std::string LinkOn(const Edge& edge, const LinkRequest& request, const LinkSecrets& secrets);

}  // namespace holdfast::placement
