// Actions of type "itv": lists, zaps, favourites, the short guide. All from memory; a list that has
// to be rendered first, and a change of favourites, go to a worker.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/worker_pool.h"
#include "services/middleware/guide_blocks.h"
#include "services/middleware/lists.h"
#include "services/middleware/metrics.h"
#include "services/middleware/portal_call.h"
#include "services/middleware/read_models.h"
#include "services/middleware/reporter.h"
#include "services/middleware/stream_gate.h"
#include "services/middleware/stream_links.h"
#include "services/middleware/viewer_data.h"
#include "services/middleware/viewer_writes.h"
#include "services/middleware/zones.h"

namespace holdfast::middleware {

// What the actions work with; all of it outlives them.
struct ItvParts {
  ReadModels& models;
  Lists& lists;
  GuideBlocks& blocks;
  ViewerWrites& writes;
  ViewerData& viewers;
  Reporter& reporter;
  Zones& zones;
  const StreamLinks& links;
  StreamGate& streams;
  Metrics& metrics;
};

// Thread-safe: no state of its own.
class ItvActions {
 public:
  explicit ItvActions(const ItvParts& parts) : parts_(parts) {}

  void AddTo(ActionTable& table);

 private:
  // portal_itv_zap.cpp
  PortalAnswer CreateLink(PortalCall& call);

  // portal_itv_lists.cpp
  PortalOutcome GetAllChannels(PortalCall& call);
  PortalOutcome GetGenres(PortalCall& call);
  PortalOutcome GetOrderedList(PortalCall& call);
  PortalOutcome GetAllFavourites(PortalCall& call);
  enum class Marks { kHidden, kShown };  // of the viewer
  struct RenderedPage {
    std::string js;
    std::vector<std::int64_t> shown;  // channels, in the order of the rows
  };
  // All that a page depends on but the viewer's marks.
  std::string PageKey(const PortalCall& call, const Lineup& lineup) const;
  PortalAnswer OrderedList(const PortalCall& call);
  RenderedPage RenderPage(const PortalCall& call, const ChannelRows& rows, Marks marks) const;
  PortalAnswer MarkPage(PortalAnswer answer, const PortalCall& call) const;
  std::vector<const Channel*> Choose(const PortalCall& call, const Lineup& lineup) const;
  std::string Playing(const Channel& channel, const Guide& guide, const PortalCall& call,
                      const TimeZone& zone) const;
  PortalAnswer Send(http::SharedBody body, const PortalCall& call) const;

  // portal_itv.cpp
  PortalAnswer GetShortEpg(PortalCall& call);
  PortalOutcome GetEpgInfo(PortalCall& call);
  PortalAnswer SendBlock(std::shared_ptr<const Body> body, const PortalCall& call) const;
  PortalAnswer GetFavouriteIds(PortalCall& call);
  PortalOutcome SetFavourites(PortalCall& call);
  PortalAnswer SetLastChannel(PortalCall& call);

  std::optional<Degradation> LineupAge() const;
  std::optional<Degradation> GuideAge() const;
  std::optional<Degradation> PopularityAge() const;

  const ItvParts parts_;
};

// Whether the account may see the channel at all: it is in one of its packages.
const Channel* FindVisible(const Lineup& lineup, const PortalCall& call,
                           std::string_view channel_id);

}  // namespace holdfast::middleware
