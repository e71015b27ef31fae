#include "services/cdn_routing/domain/inventory.h"

#include <algorithm>
#include <string_view>

#include "libs/base/status.h"
#include "libs/base/string_map.h"
#include "services/cdn_routing/domain/probe_url.h"

namespace holdfast::cdn_routing {
namespace {

constexpr std::size_t kMaxWord = 64;
constexpr std::size_t kMaxName = 200;
constexpr std::size_t kMaxUrl = 500;

bool IsWordCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

absl::Status CheckWord(std::string_view field, std::string_view word) {
  if (word.empty()) return InvalidArgument("{}: must not be empty", field);
  if (word.size() > kMaxWord || !std::all_of(word.begin(), word.end(), IsWordCharacter)) {
    return InvalidArgument("{}: must be at most {} letters, digits, '.', '_' or '-'", field,
                           kMaxWord);
  }
  return absl::OkStatus();
}

absl::Status CheckOptionalWord(std::string_view field, std::string_view word) {
  return word.empty() ? absl::OkStatus() : CheckWord(field, word);
}

absl::Status CheckName(std::string_view field, std::string_view name) {
  const bool printable =
      std::all_of(name.begin(), name.end(), [](unsigned char c) { return c >= ' ' && c != 0x7f; });
  if (name.size() > kMaxName || !printable) {
    return InvalidArgument("{}: must be at most {} bytes without control characters", field,
                           kMaxName);
  }
  return absl::OkStatus();
}

absl::Status CheckBaseUrl(std::string_view url) {
  constexpr std::string_view kField = "edge.base_url";
  const bool known_scheme = url.starts_with("http://") || url.starts_with("https://");
  if (!known_scheme) return InvalidArgument("{}: must begin with http:// or https://", kField);
  if (url.size() > kMaxUrl) return InvalidArgument("{}: longer than {} bytes", kField, kMaxUrl);
  if (url.ends_with('/')) return InvalidArgument("{}: must not end in a slash", kField);
  if (url.find_first_of("?#") != std::string_view::npos) {
    return InvalidArgument("{}: must have neither query nor fragment", kField);
  }
  // Host, port and characters are the same question for both schemes.
  const std::string as_http = "http" + std::string(url.substr(url.find(':'))) + "/";
  if (const absl::Status status = ParseProbeUrl(as_http).status(); !status.ok()) {
    return InvalidArgument("{}: {}", kField, View(status.message()));
  }
  return absl::OkStatus();
}

absl::Status CheckProbeUrl(const Edge& edge) {
  constexpr std::string_view kField = "edge.probe_url";
  if (edge.probe_url.empty()) {
    if (edge.base_url.starts_with("http://")) return absl::OkStatus();
    return InvalidArgument("{}: needed for an https base_url, probes speak plain http", kField);
  }
  if (edge.probe_url.size() > kMaxUrl) {
    return InvalidArgument("{}: longer than {} bytes", kField, kMaxUrl);
  }
  if (const absl::Status status = ParseProbeUrl(edge.probe_url).status(); !status.ok()) {
    return InvalidArgument("{}: {}", kField, View(status.message()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Check(const Cdn& cdn) {
  HOLDFAST_RETURN_IF_ERROR(CheckWord("cdn.cdn_id", cdn.id.value()));
  HOLDFAST_RETURN_IF_ERROR(CheckName("cdn.name", cdn.name));
  return CheckOptionalWord("cdn.signing_key_id", cdn.signing_key_id);
}

absl::Status Check(const Site& site) {
  HOLDFAST_RETURN_IF_ERROR(CheckWord("site.site_id", site.id.value()));
  HOLDFAST_RETURN_IF_ERROR(CheckWord("site.cdn_id", site.cdn.value()));
  HOLDFAST_RETURN_IF_ERROR(CheckOptionalWord("site.zone", site.zone));
  return CheckName("site.name", site.name);
}

absl::Status Check(const Edge& edge) {
  HOLDFAST_RETURN_IF_ERROR(CheckWord("edge.edge_id", edge.id.value()));
  HOLDFAST_RETURN_IF_ERROR(CheckWord("edge.site", edge.site.value()));
  HOLDFAST_RETURN_IF_ERROR(CheckOptionalWord("edge.zone", edge.zone));
  HOLDFAST_RETURN_IF_ERROR(CheckBaseUrl(edge.base_url));
  if (edge.weight < 1 || edge.weight > 1000) {
    return InvalidArgument("edge.weight: must be 1 to 1000, or 0 for the default");
  }
  HOLDFAST_RETURN_IF_ERROR(CheckOptionalWord("edge.signing_key_id", edge.signing_key_id));
  return CheckProbeUrl(edge);
}

std::vector<PlacedEdge> Place(const Inventory& inventory) {
  StringMap<const Cdn*> cdns;
  for (const Cdn& cdn : inventory.cdns) cdns[cdn.id.value()] = &cdn;
  StringMap<const Site*> sites;
  for (const Site& site : inventory.sites) sites[site.id.value()] = &site;

  std::vector<PlacedEdge> placed;
  for (const Edge& edge : inventory.edges) {
    const auto site = sites.find(edge.site.value());
    if (site == sites.end()) continue;
    const auto cdn = cdns.find(site->second->cdn.value());
    if (cdn == cdns.end()) continue;
    placed.push_back({
        .id = edge.id,
        .cdn = cdn->second->id,
        .site = edge.site,
        .zone = edge.zone.empty() ? site->second->zone : edge.zone,
        .base_url = edge.base_url,
        .weight = edge.weight,
        .signing_key_id =
            edge.signing_key_id.empty() ? cdn->second->signing_key_id : edge.signing_key_id,
        .probe_url = edge.probe_url.empty() ? edge.base_url + "/health" : edge.probe_url,
        .draining = edge.draining,
    });
  }
  return placed;
}

bool MayReplace(const Inventory& held, const Inventory& loaded) {
  const bool lost_all = !held.edges.empty() && loaded.edges.empty();
  return !(lost_all && loaded.revision <= held.revision);
}

}  // namespace holdfast::cdn_routing
