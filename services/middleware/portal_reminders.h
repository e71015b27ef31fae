// Actions of type "tvreminder", and the small things that a box keeps with us: "media_favorites"
// and "downloads".
#pragma once

#include <optional>
#include <string>

#include "services/middleware/domain/viewer_records.h"
#include "services/middleware/portal_call.h"
#include "services/middleware/read_models.h"
#include "services/middleware/viewer_data.h"
#include "services/middleware/zones.h"

namespace holdfast::middleware {

// Thread-safe: no state of its own. Everything waits for PostgreSQL, or for the disk while it is
// away.
class ReminderActions {
 public:
  ReminderActions(ReadModels& models, ViewerData& viewers, Zones& zones)
      : models_(models), viewers_(viewers), zones_(zones) {}

  void AddTo(ActionTable& table);

 private:
  PortalAnswer GetAllActive(const PortalCall& call);
  PortalAnswer Add(const PortalCall& call);
  PortalAnswer Remove(const PortalCall& call);

  ReadModels& models_;
  ViewerData& viewers_;
  Zones& zones_;
};

// Thread-safe: no state of its own.
class KeepsakeActions {
 public:
  explicit KeepsakeActions(ViewerData& viewers) : viewers_(viewers) {}

  void AddTo(ActionTable& table);

 private:
  PortalAnswer Get(const PortalCall& call, ViewerItem::Kind kind);
  PortalAnswer Save(const PortalCall& call, ViewerItem::Kind kind, std::string_view field);

  ViewerData& viewers_;
};

// What a worker of the portal may spend on what belongs to a viewer.
Deadline ViewerDeadline();
// Marks an answer for which PostgreSQL could not be asked.
PortalAnswer Marked(PortalAnswer answer, bool degraded);
// True if it is kept, false if it is not; marked where PostgreSQL should have it and does not.
PortalAnswer SavedAnswer(const absl::StatusOr<ViewerData::Written>& written);
// The same with an answer of its own for what is kept.
PortalAnswer SavedAnswer(const absl::StatusOr<ViewerData::Written>& written, PortalAnswer if_kept);

// The reminder as it stands now: the programme may have been moved in the guide since. `schedule`
// is of its channel and may be null.
Reminder MovedWithProgramme(Reminder reminder, const ChannelSchedule* schedule);

}  // namespace holdfast::middleware
