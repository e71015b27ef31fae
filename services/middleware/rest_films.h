// REST v1: films and series, what there is of them and how they are played, from the catalogue in
// memory; renting those that are rented one by one (asked of billing: rental_desk.h); and which of
// them a viewer keeps. Films for adults are shown only where apps show adult
// channels, and films for older viewers never to a profile with an age.
#pragma once

#include <optional>
#include <string>

#include "services/middleware/body_cache.h"
#include "services/middleware/domain/rental.h"
#include "services/middleware/domain/vod.h"
#include "services/middleware/metrics.h"
#include "services/middleware/read_models.h"
#include "services/middleware/rental_desk.h"
#include "services/middleware/rest_call.h"
#include "services/middleware/rest_parental.h"
#include "services/middleware/rest_profiles.h"
#include "services/middleware/rest_streams.h"
#include "services/middleware/stream_links.h"
#include "services/middleware/xtream_api.h"

namespace holdfast::middleware {

// Thread-safe: no state of its own. Everything it is given outlives it. All of it may block.
class RestFilms {
 public:
  struct Parts {
    ReadModels& models;
    BodyCache& bodies;
    const StreamLinks& links;
    RestProfiles& profiles;
    Metrics& metrics;
    RestParental& parental;
    RentalDesk& rentals;
    RestStreams& streams;
  };

  RestFilms(AdultChannels adult, const Parts& parts) : adult_(adult), parts_(parts) {}

  http::Response Categories(const RestCall& call);
  http::Response List(const RestCall& call);
  http::Response Details(const RestCall& call);
  http::Response Link(const RestCall& call);
  // rest_rentals.cpp
  http::Response Rent(const RestCall& call);
  http::Response Favourites(const RestCall& call);
  http::Response AddFavourite(const RestCall& call);
  http::Response RemoveFavourite(const RestCall& call);

 private:
  // Null: this viewer may not see it, or it is not there.
  const VodTitle* Visible(const RestCall& call, const RestProfiles::Person& person,
                          const Catalogue& catalogue, std::int64_t id) const;
  FilmRights RightsOf(const RestCall& call) const {
    return {*call.knowledge.entitlement, parts_.models.rental_offers(), call.now};
  }
  std::string CategoriesText(const RestCall& call, const RestProfiles::Person& person,
                             const Catalogue& catalogue) const;
  http::Response WithCatalogueAge(http::Response response) const;

  const AdultChannels adult_;
  const Parts parts_;
};

}  // namespace holdfast::middleware
