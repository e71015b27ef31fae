// Actions of type "epg": the guide by day.
#pragma once

#include <optional>

#include "services/middleware/portal_call.h"
#include "services/middleware/read_models.h"
#include "services/middleware/viewer_data.h"
#include "services/middleware/zones.h"

namespace holdfast::middleware {

// Thread-safe: no state of its own. From memory.
class EpgActions {
 public:
  EpgActions(ReadModels& models, ViewerData& viewers, Zones& zones, int history_days)
      : models_(models), viewers_(viewers), zones_(zones), history_days_(history_days) {}

  void AddTo(ActionTable& table);

 private:
  PortalAnswer GetWeek(PortalCall& call);
  PortalAnswer GetSimpleDataTable(PortalCall& call);
  PortalAnswer GetAllProgrammes(PortalCall& call);
  PortalAnswer GetDataTable(PortalCall& call);  // portal_epg_table.cpp
  // Of the lineup and of the guide.
  PortalAnswer Dated(PortalAnswer answer) const;

  ReadModels& models_;
  ViewerData& viewers_;
  Zones& zones_;
  const int history_days_;
};

}  // namespace holdfast::middleware
