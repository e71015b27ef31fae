// What must be remembered: the inventory. Every call blocks up to its deadline and answers
// UNAVAILABLE or DEADLINE_EXCEEDED when the database cannot be used. Every write may be repeated.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "libs/base/deadline.h"
#include "services/cdn_routing/domain/inventory.h"

namespace holdfast::cdn_routing {

// Thread-safe. What is handed in was checked (domain/inventory.h).
class Store {
 public:
  virtual ~Store() = default;

  virtual absl::Status PutCdn(Deadline deadline, const Cdn& cdn) = 0;
  // INVALID_ARGUMENT: no such CDN.
  virtual absl::Status PutSite(Deadline deadline, const Site& site) = 0;
  // Keeps whether the edge is drained. INVALID_ARGUMENT: no such site, or the site is not of
  // `expected_cdn` (empty: whatever it is).
  virtual absl::Status PutEdge(Deadline deadline, const Edge& edge, const CdnId& expected_cdn) = 0;
  // NOT_FOUND.
  virtual absl::Status SetDraining(Deadline deadline, const EdgeId& edge, bool draining) = 0;
  // False: there was none.
  virtual absl::StatusOr<bool> RemoveEdge(Deadline deadline, const EdgeId& edge) = 0;

  // Moves with every change.
  virtual absl::StatusOr<std::uint64_t> Revision(Deadline deadline) = 0;
  // All of it at one revision.
  virtual absl::StatusOr<Inventory> Load(Deadline deadline) = 0;
};

}  // namespace holdfast::cdn_routing
