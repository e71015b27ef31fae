// What a viewer watched, as boxes tell it: actions "set_played" and their kin of several types.
#pragma once

#include <string>

#include "services/middleware/domain/viewer_records.h"
#include "services/middleware/portal_call.h"
#include "services/middleware/read_models.h"
#include "services/middleware/viewer_data.h"

namespace holdfast::middleware {

// Thread-safe: no state of its own. An entry is acknowledged when it is on local disk; PostgreSQL
// has it within a second, or when it returns.
class HistoryActions {
 public:
  HistoryActions(ReadModels& models, ViewerData& viewers) : models_(models), viewers_(viewers) {}

  void AddTo(ActionTable& table);

 private:
  PortalAnswer Begin(const PortalCall& call, HistoryEntry::What what, std::string_view field);
  PortalAnswer End(const PortalCall& call);

  ReadModels& models_;
  ViewerData& viewers_;
};

}  // namespace holdfast::middleware
