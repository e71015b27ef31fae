// Wire types to ours and back; the only place that knows both.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "holdfast/cdn_routing/v1/cdn_routing.pb.h"
#include "libs/placement/placement.h"
#include "services/cdn_routing/domain/inventory.h"
#include "services/cdn_routing/edge_board.h"

namespace holdfast::cdn_routing {

// Checked (see Check in domain/inventory.h).
absl::StatusOr<Cdn> Parse(const v1::Cdn& cdn);
absl::StatusOr<Site> Parse(const v1::Site& site);
absl::StatusOr<Edge> Parse(const v1::Edge& edge);

v1::Cdn ToProto(const Cdn& cdn);
v1::Site ToProto(const Site& site);
v1::Edge ToProto(const LiveEdge& edge);

// The file of the last inventory. DATA_LOSS for what does not pass the checks.
std::string ToFile(const Inventory& inventory);
absl::StatusOr<Inventory> FromFile(const std::string& content);

}  // namespace holdfast::cdn_routing
