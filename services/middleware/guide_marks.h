// What a viewer has set on programmes, as rows of the guide show it.
#pragma once

#include <optional>

#include "services/middleware/domain/viewer_item.h"
#include "services/middleware/epg_rows.h"
#include "services/middleware/portal_call.h"
#include "services/middleware/viewer_data.h"

namespace holdfast::middleware {

// From memory: what this instance last read of the viewer, which a box does when it starts.
// Nothing if it has not read any.
std::optional<GuideMarks> MarksFor(ViewerData& viewers, const PortalCall& call);

}  // namespace holdfast::middleware
