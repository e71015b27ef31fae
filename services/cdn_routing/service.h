// What operators and other services ask of cdn_routing (proto/holdfast/cdn_routing).
#pragma once

#include "absl/status/statusor.h"
#include "holdfast/cdn_routing/v1/cdn_routing.pb.h"
#include "libs/rpc/service.h"
#include "services/cdn_routing/edge_board.h"
#include "services/cdn_routing/jobs.h"
#include "services/cdn_routing/store.h"

namespace holdfast::cdn_routing {

// Thread-safe. Lists are answered from memory, commands go to the database and are then seen here
// at once and by other instances within a second.
class Service {
 public:
  static constexpr char kServiceName[] = "holdfast.cdn_routing.v1.CdnRouting";

  Service(Store& store, InventoryFollower& inventory, const EdgeBoard& board)
      : store_(store), inventory_(inventory), board_(board) {}

  void Register(rpc::ServiceTable& table);

  absl::StatusOr<v1::Cdn> PutCdn(const rpc::Call& call, const v1::PutCdnRequest& request);
  absl::StatusOr<v1::Site> PutSite(const rpc::Call& call, const v1::PutSiteRequest& request);
  absl::StatusOr<v1::Edge> PutEdge(const rpc::Call& call, const v1::PutEdgeRequest& request);
  absl::StatusOr<v1::Edge> SetEdgeState(const rpc::Call& call,
                                        const v1::SetEdgeStateRequest& request);
  absl::StatusOr<v1::RemoveEdgeResponse> RemoveEdge(const rpc::Call& call,
                                                    const v1::RemoveEdgeRequest& request);

  absl::StatusOr<v1::ListEdgesResponse> ListEdges(const rpc::Call& call,
                                                  const v1::ListEdgesRequest& request);
  absl::StatusOr<v1::ListSitesResponse> ListSites(const rpc::Call& call,
                                                  const v1::ListSitesRequest& request);
  absl::StatusOr<v1::ListCdnsResponse> ListCdns(const rpc::Call& call,
                                                const v1::ListCdnsRequest& request);

 private:
  // Makes a committed change visible here. A failure is not the command's: the change is made, and
  // the job will see it.
  void ShowChange(const rpc::Call& call);
  v1::Edge EdgeNow(const EdgeId& id) const;

  Store& store_;
  InventoryFollower& inventory_;
  const EdgeBoard& board_;
};

}  // namespace holdfast::cdn_routing
