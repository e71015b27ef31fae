// Which edge a player should use for a channel, decided from the edge table in memory. Shared by
// middleware (stream links) and cdn_routing (redirects), so that both send a channel to the same
// place and caches stay warm.
//
// Rendezvous hashing with weights (score = -weight / ln(h), Thaler & Ravishankar 1998; weighted
// form by Schindelhauer & Schomaker 2005): each channel has its own order of edges, the order moves
// minimally when an edge comes or goes, and the next choice is known in advance.
#pragma once

#include <cstdint>
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

  // Edges for the channel, best first: up in `zone`, up elsewhere, draining (or of weight 0), down:
  // a wrong health verdict must not leave a viewer with nothing. When fewer than half of the edges
  // that are not draining are up, down counts as up (panic rule: the prober is more likely to be
  // wrong than the edges). Empty only if the table is.
  std::vector<const Edge*> Rank(std::string_view channel, std::string_view zone) const;

  // The first of Rank, without making the list or allocating. Null only if the table is empty.
  const Edge* Best(std::string_view channel, std::string_view zone) const;

  const std::vector<Edge>& edges() const { return edges_; }

 private:
  enum Tier { kUpInZone, kUpElsewhere, kDraining, kDown };  // best first

  Tier TierOf(std::size_t edge, std::string_view zone) const;
  // Greater is better. Comparable within one channel.
  double Score(std::uint64_t channel_hash, std::size_t edge) const;

  std::vector<Edge> edges_;
  std::vector<std::uint64_t> hashes_;  // of the edge ids, beside edges_
  bool panic_ = false;
  bool one_weight_ = true;
};

// Secrets of the CDNs by signing key id, from a folder of <id>.key files (text, trimmed).
class LinkSecrets {
 public:
  static LinkSecrets Load(const std::string& folder);  // an absent folder: none
  const std::string* Get(std::string_view key_id) const { return Find(secrets_, key_id); }
  void Set(std::string_view key_id, std::string secret) {
    secrets_[std::string(key_id)] = std::move(secret);
  }

 private:
  StringMap<std::string> secrets_;
};

struct LinkRequest {
  std::string_view directory;   // "live/ch-7"
  std::string_view file;        // "index.m3u8"
  std::string_view play_token;  // "" for a clear channel
  WallTime expires;
};

// The full address on that edge, signed with the edge's CDN secret (libs/security/url_signer.h). An
// edge without signing gets "/<directory>/<file>", a play token as query `token`. Empty if the edge
// wants a signature and its secret is not held.
std::string LinkOn(const Edge& edge, const LinkRequest& request, const LinkSecrets& secrets);

}  // namespace holdfast::placement
