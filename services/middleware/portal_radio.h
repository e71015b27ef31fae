// Actions of type "radio". Stations are played directly: there is no link call.
#pragma once

#include <string>
#include <vector>

#include "services/middleware/portal_call.h"
#include "services/middleware/read_models.h"
#include "services/middleware/viewer_data.h"

namespace holdfast::middleware {

// Thread-safe: no state of its own. Stations are from memory, favourites from PostgreSQL.
class RadioActions {
 public:
  RadioActions(ReadModels& models, ViewerData& viewers) : models_(models), viewers_(viewers) {}

  void AddTo(ActionTable& table);

 private:
  enum class Show { kAll, kFavourites };

  PortalAnswer List(const PortalCall& call, Show show);
  PortalAnswer SetFavourites(const PortalCall& call);
  PortalAnswer GetFavouriteIds(const PortalCall& call);
  PortalAnswer GetByNumber(PortalCall& call);
  std::vector<std::int64_t> FavouritesIn(const ViewerItems& items) const;

  ReadModels& models_;
  ViewerData& viewers_;
};

}  // namespace holdfast::middleware
