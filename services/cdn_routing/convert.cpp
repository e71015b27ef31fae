#include "services/cdn_routing/convert.h"

#include <utility>

#include "libs/base/status.h"

namespace holdfast::cdn_routing {
namespace {

v1::Edge::Health HealthOf(const LiveEdge& live) {
  switch (live.health) {
    case placement::Edge::Health::kUp:
      return v1::Edge::HEALTH_UP;
    case placement::Edge::Health::kDown:
      return v1::Edge::HEALTH_DOWN;
    case placement::Edge::Health::kDraining:
      return v1::Edge::HEALTH_DRAINING;
  }
  return v1::Edge::HEALTH_UNSPECIFIED;
}

Edge FromProto(const v1::Edge& edge) {
  return {.id = EdgeId(edge.edge_id()),
          .site = SiteId(edge.site()),
          .zone = edge.zone(),
          .base_url = edge.base_url(),
          .weight = edge.weight() == 0 ? 100 : edge.weight(),
          .signing_key_id = edge.signing_key_id(),
          .probe_url = edge.probe_url()};
}

}  // namespace

absl::StatusOr<Cdn> Parse(const v1::Cdn& cdn) {
  Cdn parsed{CdnId(cdn.cdn_id()), cdn.name(), cdn.signing_key_id()};
  HOLDFAST_RETURN_IF_ERROR(Check(parsed));
  return parsed;
}

absl::StatusOr<Site> Parse(const v1::Site& site) {
  Site parsed{SiteId(site.site_id()), CdnId(site.cdn_id()), site.zone(), site.name()};
  HOLDFAST_RETURN_IF_ERROR(Check(parsed));
  return parsed;
}

absl::StatusOr<Edge> Parse(const v1::Edge& edge) {
  Edge parsed = FromProto(edge);
  HOLDFAST_RETURN_IF_ERROR(Check(parsed));
  return parsed;
}

v1::Cdn ToProto(const Cdn& cdn) {
  v1::Cdn proto;
  proto.set_cdn_id(cdn.id.value());
  proto.set_name(cdn.name);
  proto.set_signing_key_id(cdn.signing_key_id);
  return proto;
}

v1::Site ToProto(const Site& site) {
  v1::Site proto;
  proto.set_site_id(site.id.value());
  proto.set_cdn_id(site.cdn.value());
  proto.set_zone(site.zone);
  proto.set_name(site.name);
  return proto;
}

v1::Edge ToProto(const LiveEdge& live) {
  v1::Edge proto;
  proto.set_edge_id(live.edge.id.value());
  proto.set_cdn_id(live.edge.cdn.value());
  proto.set_site(live.edge.site.value());
  proto.set_zone(live.edge.zone);
  proto.set_base_url(live.edge.base_url);
  proto.set_weight(live.weight);
  proto.set_health(HealthOf(live));
  proto.set_signing_key_id(live.edge.signing_key_id);
  proto.set_probe_url(live.edge.probe_url);
  return proto;
}

std::string ToFile(const Inventory& inventory) {
  v1::InventoryFile file;
  file.set_revision(inventory.revision);
  for (const Cdn& cdn : inventory.cdns) *file.add_cdns() = ToProto(cdn);
  for (const Site& site : inventory.sites) *file.add_sites() = ToProto(site);
  for (const Edge& edge : inventory.edges) {
    v1::Edge& proto = *file.add_edges();
    proto.set_edge_id(edge.id.value());
    proto.set_site(edge.site.value());
    proto.set_zone(edge.zone);
    proto.set_base_url(edge.base_url);
    proto.set_weight(edge.weight);
    proto.set_signing_key_id(edge.signing_key_id);
    proto.set_probe_url(edge.probe_url);
    proto.set_health(edge.draining ? v1::Edge::HEALTH_DRAINING : v1::Edge::HEALTH_UNSPECIFIED);
  }
  return file.SerializeAsString();
}

absl::StatusOr<Inventory> FromFile(const std::string& content) {
  v1::InventoryFile file;
  if (!file.ParseFromString(content)) return DataLoss("not an inventory");
  Inventory inventory{.revision = file.revision()};
  const auto damaged = [](const absl::Status& status) {
    return DataLoss("inventory file: {}", View(status.message()));
  };
  for (const v1::Cdn& proto : file.cdns()) {
    absl::StatusOr<Cdn> cdn = Parse(proto);
    if (!cdn.ok()) return damaged(cdn.status());
    inventory.cdns.push_back(*std::move(cdn));
  }
  for (const v1::Site& proto : file.sites()) {
    absl::StatusOr<Site> site = Parse(proto);
    if (!site.ok()) return damaged(site.status());
    inventory.sites.push_back(*std::move(site));
  }
  for (const v1::Edge& proto : file.edges()) {
    absl::StatusOr<Edge> edge = Parse(proto);
    if (!edge.ok()) return damaged(edge.status());
    edge->draining = proto.health() == v1::Edge::HEALTH_DRAINING;
    inventory.edges.push_back(*std::move(edge));
  }
  return inventory;
}

}  // namespace holdfast::cdn_routing
