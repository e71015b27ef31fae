#include "services/drm/service.h"

#include "libs/base/status.h"
#include "services/drm/convert.h"

namespace holdfast::drm {

void Service::Register(rpc::ServiceTable& table) {
  table.Inline("ListEpochs", *this, &Service::ListEpochs);
  table.Worker("RotateNow", *this, &Service::RotateNow);
}

absl::StatusOr<v1::ListEpochsResponse> Service::ListEpochs(const rpc::Call&,
                                                           const v1::ListEpochsRequest&) {
  return ToProto(*epochs_.ring());
}

absl::StatusOr<v1::RotateNowResponse> Service::RotateNow(const rpc::Call& call,
                                                         const v1::RotateNowRequest& request) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string command_id, Parse(request));
  HOLDFAST_ASSIGN_OR_RETURN(const EpochId made, maker_.Rotate(call.deadline(), command_id));
  return RotationToProto(*epochs_.ring(), made);
}

}  // namespace holdfast::drm
