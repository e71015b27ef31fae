#include "services/cdn_routing/service.h"

#include "libs/base/status.h"
#include "services/cdn_routing/convert.h"

namespace holdfast::cdn_routing {

void Service::Register(rpc::ServiceTable& table) {
  table.Worker("PutCdn", *this, &Service::PutCdn);
  table.Worker("PutSite", *this, &Service::PutSite);
  table.Worker("PutEdge", *this, &Service::PutEdge);
  table.Worker("SetEdgeState", *this, &Service::SetEdgeState);
  table.Worker("RemoveEdge", *this, &Service::RemoveEdge);
  table.Inline("ListEdges", *this, &Service::ListEdges);
  table.Inline("ListSites", *this, &Service::ListSites);
  table.Inline("ListCdns", *this, &Service::ListCdns);
}

void Service::ShowChange(const rpc::Call& call) {
  inventory_.Refresh(call.deadline()).IgnoreError();
}

v1::Edge Service::EdgeNow(const EdgeId& id) const {
  const std::optional<LiveEdge> live = board_.Find(id);
  if (live) return ToProto(*live);
  v1::Edge unseen;
  unseen.set_edge_id(id.value());
  return unseen;
}

absl::StatusOr<v1::Cdn> Service::PutCdn(const rpc::Call& call, const v1::PutCdnRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const Cdn cdn, Parse(request.cdn()));
  HOLDFAST_RETURN_IF_ERROR(store_.PutCdn(call.deadline(), cdn));
  ShowChange(call);
  return ToProto(cdn);
}

absl::StatusOr<v1::Site> Service::PutSite(const rpc::Call& call,
                                          const v1::PutSiteRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const Site site, Parse(request.site()));
  HOLDFAST_RETURN_IF_ERROR(store_.PutSite(call.deadline(), site));
  ShowChange(call);
  return ToProto(site);
}

absl::StatusOr<v1::Edge> Service::PutEdge(const rpc::Call& call,
                                          const v1::PutEdgeRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const Edge edge, Parse(request.edge()));
  HOLDFAST_RETURN_IF_ERROR(store_.PutEdge(call.deadline(), edge, CdnId(request.edge().cdn_id())));
  ShowChange(call);
  return EdgeNow(edge.id);
}

absl::StatusOr<v1::Edge> Service::SetEdgeState(const rpc::Call& call,
                                               const v1::SetEdgeStateRequest& request) {
  if (request.edge_id().empty()) return InvalidArgument("edge_id: must not be empty");
  if (request.state() != v1::SetEdgeStateRequest::STATE_IN_SERVICE &&
      request.state() != v1::SetEdgeStateRequest::STATE_DRAINING) {
    return InvalidArgument("state: must be STATE_IN_SERVICE or STATE_DRAINING");
  }
  const EdgeId id(request.edge_id());
  const bool draining = request.state() == v1::SetEdgeStateRequest::STATE_DRAINING;
  HOLDFAST_RETURN_IF_ERROR(store_.SetDraining(call.deadline(), id, draining));
  ShowChange(call);
  return EdgeNow(id);
}

absl::StatusOr<v1::RemoveEdgeResponse> Service::RemoveEdge(const rpc::Call& call,
                                                           const v1::RemoveEdgeRequest& request) {
  if (request.edge_id().empty()) return InvalidArgument("edge_id: must not be empty");
  HOLDFAST_ASSIGN_OR_RETURN(const bool existed,
                            store_.RemoveEdge(call.deadline(), EdgeId(request.edge_id())));
  ShowChange(call);
  v1::RemoveEdgeResponse response;
  response.set_existed(existed);
  return response;
}

absl::StatusOr<v1::ListEdgesResponse> Service::ListEdges(const rpc::Call&,
                                                         const v1::ListEdgesRequest&) {
  v1::ListEdgesResponse response;
  for (const LiveEdge& edge : board_.edges()) *response.add_edges() = ToProto(edge);
  return response;
}

absl::StatusOr<v1::ListSitesResponse> Service::ListSites(const rpc::Call&,
                                                         const v1::ListSitesRequest&) {
  v1::ListSitesResponse response;
  for (const Site& site : inventory_.current()->sites) *response.add_sites() = ToProto(site);
  return response;
}

absl::StatusOr<v1::ListCdnsResponse> Service::ListCdns(const rpc::Call&,
                                                       const v1::ListCdnsRequest&) {
  v1::ListCdnsResponse response;
  for (const Cdn& cdn : inventory_.current()->cdns) *response.add_cdns() = ToProto(cdn);
  return response;
}

}  // namespace holdfast::cdn_routing
