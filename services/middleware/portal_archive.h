// Actions of type "tv_archive": catch-up, start-over, time shift.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "services/middleware/archive_programmes.h"
#include "services/middleware/metrics.h"
#include "services/middleware/portal_call.h"
#include "services/middleware/read_models.h"
#include "services/middleware/stream_gate.h"
#include "services/middleware/stream_links.h"

namespace holdfast::middleware {

// Thread-safe: no state of its own. From memory.
class ArchiveActions {
 public:
  ArchiveActions(ReadModels& models, const StreamLinks& links, StreamGate& streams,
                 Metrics& metrics)
      : models_(models), links_(links), streams_(streams), metrics_(metrics) {}

  void AddTo(ActionTable& table);

  // The address of what was on air on the channel, or the protocol's word for why there is none.
  struct Outcome {
    std::string address;
    std::string_view error;
    std::string words = {};  // for the viewer, where there is more to say
  };
  Outcome LinkTo(const Channel& channel, const AirTime& air_time, const PortalCall& call) const;

 private:
  PortalAnswer CreateLink(PortalCall& call);
  PortalAnswer GetLinkForChannel(PortalCall& call);
  PortalAnswer GetNextPart(PortalCall& call);
  PortalAnswer Send(std::string js, const PortalCall& call) const;

  ReadModels& models_;
  const StreamLinks& links_;
  StreamGate& streams_;
  Metrics& metrics_;
};

// Who the viewer of this call is, for play tokens.
StreamViewer ViewerOf(const PortalCall& call);

}  // namespace holdfast::middleware
