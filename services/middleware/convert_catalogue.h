// The catalogue of films, series and stations: wire types become ours.
#pragma once

#include "absl/status/status.h"
#include "holdfast/middleware/v1/middleware.pb.h"
#include "services/middleware/domain/vod.h"

namespace holdfast::middleware {

VodCategory FromProto(const v1::VodCategory& category);
VodTitle FromProto(const v1::VodTitle& title);
RadioStation FromProto(const v1::RadioStation& station);

// INVALID_ARGUMENT with the field at fault. Ids of 0 are to be given.
absl::Status Check(const v1::VodCategory& category);
absl::Status Check(const v1::VodTitle& title);
absl::Status Check(const v1::RadioStation& station);

}  // namespace holdfast::middleware
