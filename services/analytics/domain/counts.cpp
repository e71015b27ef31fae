#include "services/analytics/domain/counts.h"

#include "libs/base/status.h"

namespace holdfast::analytics {

absl::Status Validate(const ReportRange& range) {
  if (range.from >= range.to) return InvalidArgument("the report covers no time");
  if (range.to - range.from > kMaxReportSpan) {
    return InvalidArgument("a report covers at most 31 days");
  }
  if (range.limit < 1 || range.limit > kMaxReportRows) {
    return InvalidArgument("a report has 1 to {} rows", kMaxReportRows);
  }
  return absl::OkStatus();
}

}  // namespace holdfast::analytics
