// What the portal answers from: read models in memory, each with its copy on disk, each replaced as
// a whole while requests go on with the one they began with.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "holdfast/middleware/v1/middleware.pb.h"
#include "libs/base/string_map.h"
#include "libs/placement/placement.h"
#include "libs/replica/replica.h"
#include "services/middleware/domain/guide.h"
#include "services/middleware/domain/lineup.h"
#include "services/middleware/domain/rental.h"
#include "services/middleware/domain/vod.h"
#include "services/middleware/snapshot.h"

namespace holdfast::middleware {

// Scores by stream name; empty when analytics never told.
using Popularity = StringMap<double>;

// Thread-safe for readers. Feeding: see the replicas.
class ReadModels {
 public:
  struct Files {  // empty: no copy on disk
    std::string lineup;
    std::string edges;
    std::string guide;
    std::string popularity;
    std::string catalogue;
    std::string packages{};
  };

  ReadModels(const Files& files, const Clock& clock, telemetry::Metrics& metrics);
  ~ReadModels();

  // Never null; empty before anything was learnt.
  std::shared_ptr<const Lineup> lineup() const { return lineup_.Get(); }
  std::shared_ptr<const placement::EdgeTable> edges() const { return edges_.Get(); }
  std::shared_ptr<const Guide> guide() const { return guide_.Get(); }
  std::shared_ptr<const Popularity> popularity() const { return popularity_.Get(); }

  // What may be rented, as billing publishes its packages.
  std::shared_ptr<const RentalOffers> rental_offers() const { return rental_offers_.Get(); }

  std::shared_ptr<const Catalogue> catalogue() const { return catalogue_.Get(); }
  // The same as operators put it in.
  v1::Catalogue CatalogueAsStored() const;

  bool has_lineup() const;  // from the database or from disk

  // Fed by DatabaseFollower.
  replica::ReplicaBase& lineup_replica();
  replica::ReplicaBase& catalogue_replica();
  // Fed by the neighbours: runtime.Follow.
  replica::ReplicaBase& edges_replica();
  replica::ReplicaBase& guide_replica();
  replica::ReplicaBase& popularity_replica();
  replica::ReplicaBase& packages_replica();

 private:
  struct Replicas;

  Snapshot<Lineup> lineup_;
  Snapshot<placement::EdgeTable> edges_;
  Snapshot<Guide> guide_;
  Snapshot<Popularity> popularity_;
  Snapshot<Catalogue> catalogue_;
  Snapshot<RentalOffers> rental_offers_;
  std::unique_ptr<Replicas> replicas_;
};

// How old the data behind an answer are, when that is worth telling.
std::optional<std::chrono::seconds> StaleSince(const replica::ReplicaBase& replica);

}  // namespace holdfast::middleware
