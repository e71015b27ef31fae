// Between the wire types of drm and ours; nothing else knows both.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "holdfast/drm/v1/drm.pb.h"
#include "services/drm/domain/epoch.h"

namespace holdfast::drm {

v1::ListEpochsResponse ToProto(const KeyRing& ring);

// The epoch with that id, with its end. INTERNAL if the ring does not hold it.
absl::StatusOr<v1::RotateNowResponse> RotationToProto(const KeyRing& ring, EpochId id);

// The command id. INVALID_ARGUMENT for none or a long one.
absl::StatusOr<std::string> Parse(const v1::RotateNowRequest& request);

}  // namespace holdfast::drm
