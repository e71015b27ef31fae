// Actions of types "vod" and "series": films and series, their links, favourites and resume points.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "services/middleware/domain/rental.h"
#include "services/middleware/domain/viewer_records.h"
#include "services/middleware/lists.h"
#include "services/middleware/metrics.h"
#include "services/middleware/portal_call.h"
#include "services/middleware/read_models.h"
#include "services/middleware/reporter.h"
#include "services/middleware/stream_gate.h"
#include "services/middleware/stream_links.h"
#include "services/middleware/viewer_data.h"
#include "services/middleware/zones.h"

namespace holdfast::middleware {

// Thread-safe: no state of its own. The catalogue and links are from memory; what belongs to the
// viewer is read and written by workers.
class VodActions {
 public:
  struct Parts {
    ReadModels& models;
    Lists& lists;
    const StreamLinks& links;
    StreamGate& streams;
    ViewerData& viewers;
    Reporter& reporter;
    Zones& zones;
    Metrics& metrics;
  };

  explicit VodActions(const Parts& parts) : parts_(parts) {}

  void AddTo(ActionTable& table);

 private:
  // portal_vod.cpp
  enum class Shelf { kAll, kSeries };  // types "vod" and "series"
  PortalOutcome GetCategories(const PortalCall& call, Shelf shelf);
  PortalOutcome GetGenres(PortalCall& call);
  PortalOutcome GetYears(PortalCall& call);
  // What all boxes get for which the key is the same, which tells the catalogue too.
  using Render = std::function<std::string(const PortalCall&)>;
  PortalOutcome Shared(const PortalCall& call, const std::string& key, Render render);
  PortalAnswer GetLetters(PortalCall& call);
  PortalAnswer OrderedList(const PortalCall& call, Shelf shelf);
  PortalAnswer Titles(const PortalCall& call, Shelf shelf);
  PortalAnswer Seasons(const PortalCall& call, const VodTitle& title);
  PortalAnswer Episodes(const PortalCall& call, const VodTitle& title, const VodSeason& season);
  PortalAnswer Files(const PortalCall& call, const VodTitle& title,
                     const std::vector<VodFile>& files);
  std::optional<Degradation> CatalogueAge() const;

  // portal_vod_play.cpp
  PortalAnswer CreateLink(PortalCall& call);
  std::optional<std::string> AddressOf(const VodFile& file, WallTime now) const;
  PortalAnswer SaveFavourite(const PortalCall& call, bool favourite);
  PortalAnswer SaveResumePoint(const PortalCall& call, bool ended);
  PortalAnswer SetPlayed(const PortalCall& call);
  FilmRights RightsOf(const PortalCall& call) const {
    return {*call.knowledge.entitlement, parts_.models.rental_offers(), call.now};
  }
  // A film that the account is shown.
  bool CanSee(const PortalCall& call, std::int64_t id) const;
  PortalAnswer SaveItem(const PortalCall& call, ViewerItem item);

  const Parts parts_;
};

}  // namespace holdfast::middleware
