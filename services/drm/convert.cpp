#include "services/drm/convert.h"

#include "libs/base/status.h"

namespace holdfast::drm {

v1::ListEpochsResponse ToProto(const KeyRing& ring) {
  v1::ListEpochsResponse response;
  v1::Epoch* former = nullptr;
  for (const Epoch& epoch : ring.epochs()) {
    if (former != nullptr) former->set_valid_until(EpochSeconds(epoch.valid_from));
    former = response.add_epochs();
    former->set_epoch_id(epoch.id.value());
    former->set_valid_from(EpochSeconds(epoch.valid_from));
  }
  return response;
}

absl::StatusOr<v1::RotateNowResponse> RotationToProto(const KeyRing& ring, EpochId id) {
  const v1::ListEpochsResponse list = ToProto(ring);
  for (const v1::Epoch& epoch : list.epochs()) {
    if (epoch.epoch_id() != id.value()) continue;
    v1::RotateNowResponse response;
    *response.mutable_epoch() = epoch;
    return response;
  }
  return Internal("epoch {} was made and is not held", id.value());
}

absl::StatusOr<std::string> Parse(const v1::RotateNowRequest& request) {
  if (request.command_id().empty() || request.command_id().size() > 64) {
    return InvalidArgument("command_id has 1 to 64 characters");
  }
  return request.command_id();
}

}  // namespace holdfast::drm
