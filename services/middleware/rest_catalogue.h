// REST v1: what there is to watch. Genres, channels, guide, search, links. From memory.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "services/middleware/body_cache.h"
#include "services/middleware/metrics.h"
#include "services/middleware/read_models.h"
#include "services/middleware/reporter.h"
#include "services/middleware/rest_call.h"
#include "services/middleware/rest_parental.h"
#include "services/middleware/rest_streams.h"
#include "services/middleware/stream_links.h"
#include "services/middleware/xtream_api.h"

namespace holdfast::middleware {

// Thread-safe: no state of its own. Everything it is given outlives it.
class RestCatalogue {
 public:
  struct Parts {
    ReadModels& models;
    BodyCache& bodies;
    const StreamLinks& links;
    Reporter& reporter;
    Metrics& metrics;
    RestParental& parental;
    RestStreams& streams;
  };

  RestCatalogue(AdultChannels adult, const Parts& parts) : adult_(adult), parts_(parts) {}

  http::Response Genres(const RestCall& call) const;
  http::Response Channels(const RestCall& call) const;
  http::Response Guide(const RestCall& call) const;
  http::Response Search(const RestCall& call) const;
  http::Response LiveLink(const RestCall& call) const;
  http::Response CatchUpLink(const RestCall& call) const;

 private:
  std::vector<const Channel*> ChannelsOf(const RestCall& call, const Lineup& lineup) const;
  http::Response WithLineupAge(http::Response response) const;
  http::Response WithGuideAge(http::Response response) const;  // and the lineup's
  // The first page of a list, which apps ask for when they start; the rest is written per call.
  std::string ChannelsText(const RestCall& call, const Lineup& lineup, const Cursor& after,
                           std::int64_t limit) const;
  // Null, and `problem` is set, if this viewer may not play it.
  const Channel* ToPlay(const RestCall& call, const Lineup& lineup, http::Response& problem) const;
  http::Response SendLink(const RestCall& call, const Channel& channel,
                          const StreamLink& link) const;

  const AdultChannels adult_;
  const Parts parts_;
};

}  // namespace holdfast::middleware
