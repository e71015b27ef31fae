// What an operator tells us about the CDNs: who they are, where they stand, which edges they have.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "libs/base/strong_id.h"

namespace holdfast::cdn_routing {

using CdnId = StrongId<struct CdnIdTag>;
using SiteId = StrongId<struct SiteIdTag>;
using EdgeId = StrongId<struct EdgeIdTag>;

struct Cdn {
  CdnId id;
  std::string name;
  std::string signing_key_id;  // empty: its links are not signed

  friend bool operator==(const Cdn&, const Cdn&) = default;
};

struct Site {
  SiteId id;
  CdnId cdn;
  std::string zone;
  std::string name;

  friend bool operator==(const Site&, const Site&) = default;
};

// As it was put: what is empty is said by its site and CDN.
struct Edge {
  EdgeId id;
  SiteId site;
  std::string zone;
  std::string base_url;  // no trailing slash
  int weight = 100;      // 1..1000
  std::string signing_key_id;
  std::string probe_url;
  bool draining = false;

  friend bool operator==(const Edge&, const Edge&) = default;
};

// Everything, each list by id.
struct Inventory {
  std::uint64_t revision = 0;
  std::vector<Cdn> cdns;
  std::vector<Site> sites;
  std::vector<Edge> edges;

  friend bool operator==(const Inventory&, const Inventory&) = default;
};

// INVALID_ARGUMENT that names the field.
absl::Status Check(const Cdn& cdn);
absl::Status Check(const Site& site);
absl::Status Check(const Edge& edge);

// An edge with nothing left to look up.
struct PlacedEdge {
  EdgeId id;
  CdnId cdn;
  SiteId site;
  std::string zone;
  std::string base_url;
  int weight = 100;
  std::string signing_key_id;
  std::string probe_url;
  bool draining = false;
};

// In the order of the inventory. An edge whose site or CDN is missing is left out.
std::vector<PlacedEdge> Place(const Inventory& inventory);

// Whether `loaded` may take the place of `held`. Operators remove edges one by one, and each
// removal makes a higher revision; an inventory without edges that is older than ours is a database
// that was lost or made anew, and must not take every edge from the players.
bool MayReplace(const Inventory& held, const Inventory& loaded);

}  // namespace holdfast::cdn_routing
