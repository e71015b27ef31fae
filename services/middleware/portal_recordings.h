// Actions of type "remote_pvr": recordings of a household, on the network. A recording names a part
// of a channel; its pictures are those of the channel's archive, for as long as that keeps them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "services/middleware/domain/recordings.h"
#include "services/middleware/portal_archive.h"
#include "services/middleware/portal_call.h"
#include "services/middleware/read_models.h"
#include "services/middleware/viewer_data.h"
#include "services/middleware/zones.h"

namespace holdfast::middleware {

// Thread-safe: no state of its own. Everything waits for PostgreSQL, or for the disk while it is
// away: a recording that a box was told of is not lost.
class RecordingActions {
 public:
  // All of it must outlive it.
  struct Parts {
    ReadModels& models;
    ViewerData& viewers;
    const ArchiveActions& archive;
    Zones& zones;
  };

  RecordingActions(const RecordingQuota& quota, const Parts& parts)
      : quota_(quota), parts_(parts) {}

  void AddTo(ActionTable& table);

 private:
  struct Catalogue {
    std::vector<Recording> recordings;  // the newest start first
    bool degraded = false;
  };

  Catalogue Load(const PortalCall& call);
  absl::Status Save(const PortalCall& call, const Recording& recording);
  PortalAnswer GetActive(const PortalCall& call);
  PortalAnswer GetList(const PortalCall& call);
  PortalAnswer StartNow(const PortalCall& call);
  PortalAnswer StartDeferred(const PortalCall& call);
  PortalAnswer Begin(const PortalCall& call, const Channel& channel, AirTime air_time,
                     const Programme* programme);
  PortalAnswer Stop(const PortalCall& call);
  PortalAnswer StopDeferred(const PortalCall& call);
  PortalAnswer Delete(const PortalCall& call);
  PortalAnswer CreateLink(const PortalCall& call);
  PortalAnswer Change(const PortalCall& call, const Recording& recording, std::int64_t stop);

  const RecordingQuota quota_;
  const Parts parts_;
};

}  // namespace holdfast::middleware
