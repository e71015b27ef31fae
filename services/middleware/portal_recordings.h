// Actions of type "remote_pvr". Recordings on the network are of a household: each names a part of
// a channel, and its pictures are those of the channel's archive, for as long as that keeps them.
// What a box records onto its own disk is in the catalogue of that box alone: the box tells when it
// begins and ends, and plays its own file.
#pragma once

#include <functional>
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
    std::vector<Recording> recordings;  // the newest start first; of boxes those of this one
    bool degraded = false;
  };
  static constexpr std::size_t kMostRecordings = 500;  // of a household
  static const Recording* FindById(const std::vector<Recording>& recordings, std::int64_t id);

  Catalogue Load(const PortalCall& call);
  absl::StatusOr<ViewerData::Written> Save(const PortalCall& call, const Recording& recording);
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
  PortalAnswer Remove(const PortalCall& call, const std::string& key);

  // portal_recordings_box.cpp
  void AddBoxActions(ActionTable& table);
  PortalAnswer StartOnBox(const PortalCall& call);
  PortalAnswer StartDeferredOnBox(const PortalCall& call);
  PortalAnswer KeepOnBox(const PortalCall& call, const Channel& channel,
                         const Programme* programme);
  PortalAnswer StopOnBox(const PortalCall& call);
  PortalAnswer DeleteOnBox(const PortalCall& call);
  PortalAnswer MoveEndOnBox(const PortalCall& call);
  PortalAnswer NameOnBox(const PortalCall& call);
  // Runs `change` on the recording that the call names, if it is on this box.
  PortalAnswer ChangeOnBox(const PortalCall& call, const std::function<bool(Recording&)>& change);

  const RecordingQuota quota_;
  const Parts parts_;
};

}  // namespace holdfast::middleware
