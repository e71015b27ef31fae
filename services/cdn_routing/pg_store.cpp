#include "services/cdn_routing/pg_store.h"

#include "libs/base/status.h"

namespace holdfast::cdn_routing {
namespace {

using storage::PgResult;
using storage::PgTransaction;

constexpr std::string_view kNextRevision = "UPDATE inventory_revision SET revision = revision + 1";

absl::Status Moved(PgTransaction& tx) { return tx.Query(kNextRevision).status(); }

}  // namespace

// $1 cdn, $2 name, $3 signing key.
constexpr std::string_view kPutCdn = R"sql(
  INSERT INTO cdn (cdn_id, name, signing_key_id) VALUES ($1, $2, $3)
  ON CONFLICT (cdn_id) DO UPDATE
     SET name = excluded.name, signing_key_id = excluded.signing_key_id
)sql";

absl::Status PgStore::PutCdn(Deadline deadline, const Cdn& cdn) {
  return pool_.Transact(deadline, [&](PgTransaction& tx) -> absl::Status {
    HOLDFAST_RETURN_IF_ERROR(Moved(tx));
    return tx.Query(kPutCdn, cdn.id.value(), cdn.name, cdn.signing_key_id).status();
  });
}

// $1 cdn.
constexpr std::string_view kFindCdn = "SELECT 1 FROM cdn WHERE cdn_id = $1";

// $1 site, $2 cdn, $3 zone, $4 name.
constexpr std::string_view kPutSite = R"sql(
  INSERT INTO site (site_id, cdn_id, zone, name) VALUES ($1, $2, $3, $4)
  ON CONFLICT (site_id) DO UPDATE
     SET cdn_id = excluded.cdn_id, zone = excluded.zone, name = excluded.name
)sql";

absl::Status PgStore::PutSite(Deadline deadline, const Site& site) {
  return pool_.Transact(deadline, [&](PgTransaction& tx) -> absl::Status {
    HOLDFAST_RETURN_IF_ERROR(Moved(tx));
    HOLDFAST_ASSIGN_OR_RETURN(const PgResult cdn, tx.Query(kFindCdn, site.cdn.value()));
    if (cdn.rows() == 0) return InvalidArgument("site.cdn_id: no cdn {}", site.cdn.value());
    return tx.Query(kPutSite, site.id.value(), site.cdn.value(), site.zone, site.name).status();
  });
}

// $1 site.
constexpr std::string_view kCdnOfSite = "SELECT cdn_id FROM site WHERE site_id = $1";

// $1 edge, $2 site, $3 zone, $4 base url, $5 weight, $6 signing key, $7 probe url.
constexpr std::string_view kPutEdge = R"sql(
  INSERT INTO edge (edge_id, site_id, zone, base_url, weight, signing_key_id, probe_url)
  VALUES ($1, $2, $3, $4, $5, $6, $7)
  ON CONFLICT (edge_id) DO UPDATE
     SET site_id = excluded.site_id, zone = excluded.zone, base_url = excluded.base_url,
         weight = excluded.weight, signing_key_id = excluded.signing_key_id,
         probe_url = excluded.probe_url
)sql";

absl::Status PgStore::PutEdge(Deadline deadline, const Edge& edge, const CdnId& expected_cdn) {
  return pool_.Transact(deadline, [&](PgTransaction& tx) -> absl::Status {
    HOLDFAST_RETURN_IF_ERROR(Moved(tx));
    HOLDFAST_ASSIGN_OR_RETURN(const PgResult site, tx.Query(kCdnOfSite, edge.site.value()));
    if (site.rows() == 0) return InvalidArgument("edge.site: no site {}", edge.site.value());
    if (!expected_cdn.value().empty() && site.Text(0, 0) != expected_cdn.value()) {
      return InvalidArgument("edge.cdn_id: site {} is of cdn {}", edge.site.value(),
                             site.Text(0, 0));
    }
    return tx
        .Query(kPutEdge, edge.id.value(), edge.site.value(), edge.zone, edge.base_url, edge.weight,
               edge.signing_key_id, edge.probe_url)
        .status();
  });
}

// $1 edge, $2 draining.
constexpr std::string_view kSetDraining = "UPDATE edge SET draining = $2 WHERE edge_id = $1";

absl::Status PgStore::SetDraining(Deadline deadline, const EdgeId& edge, bool draining) {
  return pool_.Transact(deadline, [&](PgTransaction& tx) -> absl::Status {
    HOLDFAST_RETURN_IF_ERROR(Moved(tx));
    HOLDFAST_ASSIGN_OR_RETURN(const PgResult done, tx.Query(kSetDraining, edge.value(), draining));
    return done.affected() == 1 ? absl::OkStatus() : NotFound("no edge {}", edge.value());
  });
}

// $1 edge.
constexpr std::string_view kRemoveEdge = "DELETE FROM edge WHERE edge_id = $1";

absl::StatusOr<bool> PgStore::RemoveEdge(Deadline deadline, const EdgeId& edge) {
  bool existed = false;
  HOLDFAST_RETURN_IF_ERROR(pool_.Transact(deadline, [&](PgTransaction& tx) -> absl::Status {
    HOLDFAST_RETURN_IF_ERROR(Moved(tx));
    HOLDFAST_ASSIGN_OR_RETURN(const PgResult done, tx.Query(kRemoveEdge, edge.value()));
    existed = done.affected() == 1;
    return absl::OkStatus();
  }));
  return existed;
}

constexpr std::string_view kRevision = "SELECT revision FROM inventory_revision";

absl::StatusOr<std::uint64_t> PgStore::Revision(Deadline deadline) {
  HOLDFAST_ASSIGN_OR_RETURN(const PgResult rows, pool_.Query(deadline, kRevision));
  if (rows.rows() != 1) return Internal("the inventory has no revision");
  return static_cast<std::uint64_t>(rows.Int(0, 0));
}

constexpr std::string_view kAllCdns =
    "SELECT cdn_id, name, signing_key_id FROM cdn ORDER BY cdn_id COLLATE \"C\"";

constexpr std::string_view kAllSites =
    "SELECT site_id, cdn_id, zone, name FROM site ORDER BY site_id COLLATE \"C\"";

constexpr std::string_view kAllEdges = R"sql(
  SELECT edge_id, site_id, zone, base_url, weight, signing_key_id, probe_url, draining
    FROM edge
   ORDER BY edge_id COLLATE "C"
)sql";

absl::StatusOr<Inventory> PgStore::Load(Deadline deadline) {
  Inventory inventory;
  const auto text = [](const PgResult& rows, int row, int column) {
    return std::string(rows.Text(row, column));
  };
  HOLDFAST_RETURN_IF_ERROR(pool_.Transact(deadline, [&](PgTransaction& tx) -> absl::Status {
    // One picture of four statements.
    HOLDFAST_RETURN_IF_ERROR(tx.Query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").status());
    HOLDFAST_ASSIGN_OR_RETURN(const PgResult revision, tx.Query(kRevision));
    HOLDFAST_ASSIGN_OR_RETURN(const PgResult cdns, tx.Query(kAllCdns));
    HOLDFAST_ASSIGN_OR_RETURN(const PgResult sites, tx.Query(kAllSites));
    HOLDFAST_ASSIGN_OR_RETURN(const PgResult edges, tx.Query(kAllEdges));
    if (revision.rows() != 1) return Internal("the inventory has no revision");
    inventory = {.revision = static_cast<std::uint64_t>(revision.Int(0, 0))};
    for (int i = 0; i < cdns.rows(); ++i) {
      inventory.cdns.push_back({CdnId(text(cdns, i, 0)), text(cdns, i, 1), text(cdns, i, 2)});
    }
    for (int i = 0; i < sites.rows(); ++i) {
      inventory.sites.push_back({SiteId(text(sites, i, 0)), CdnId(text(sites, i, 1)),
                                 text(sites, i, 2), text(sites, i, 3)});
    }
    for (int i = 0; i < edges.rows(); ++i) {
      inventory.edges.push_back({.id = EdgeId(text(edges, i, 0)),
                                 .site = SiteId(text(edges, i, 1)),
                                 .zone = text(edges, i, 2),
                                 .base_url = text(edges, i, 3),
                                 .weight = static_cast<int>(edges.Int(i, 4)),
                                 .signing_key_id = text(edges, i, 5),
                                 .probe_url = text(edges, i, 6),
                                 .draining = edges.Bool(i, 7)});
    }
    return absl::OkStatus();
  }));
  return inventory;
}

}  // namespace holdfast::cdn_routing
