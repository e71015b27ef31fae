// Actions of type "radio". Stations are played directly: there is no link call.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "services/middleware/lists.h"
#include "services/middleware/portal_call.h"
#include "services/middleware/read_models.h"
#include "services/middleware/viewer_data.h"

namespace holdfast::middleware {

// Thread-safe: no state of its own. Stations are from memory, favourites from PostgreSQL.
class RadioActions {
 public:
  // All of it outlives them.
  struct Parts {
    ReadModels& models;
    Lists& lists;
    ViewerData& viewers;
  };

  explicit RadioActions(const Parts& parts) : parts_(parts) {}

  void AddTo(ActionTable& table);

 private:
  enum class Show { kAll, kFavourites };

  PortalAnswer List(const PortalCall& call, Show show);
  PortalAnswer SetFavourites(const PortalCall& call);
  PortalAnswer GetFavouriteIds(const PortalCall& call);
  // The station that has the number, marked if it is one of `favourites`.
  PortalAnswer GetByNumber(const PortalCall& call, const std::vector<std::int64_t>& favourites);
  std::vector<std::int64_t> FavouritesIn(const ViewerItems& items) const;
  std::optional<Degradation> CatalogueAge() const;

  const Parts parts_;
};

}  // namespace holdfast::middleware
