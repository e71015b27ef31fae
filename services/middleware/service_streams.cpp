// Which devices of an account play, for operators.
#include "libs/base/status.h"
#include "services/middleware/domain/m3u.h"
#include "services/middleware/service.h"

namespace holdfast::middleware {

absl::StatusOr<v1::ListStreamsResponse> Service::ListStreams(
    const rpc::Call&, const v1::ListStreamsRequest& request) {
  if (request.account_id().empty()) return InvalidArgument("account_id is empty");
  const AccountId account(request.account_id());
  v1::ListStreamsResponse response;
  const SharedEntitlement known = entitlements_.Peek(account);
  response.set_max_streams(known == nullptr ? 0 : known->max_streams);
  response.set_enforced(streams_.slots().enforced());
  for (const NamedStream& stream : streams_.List(account)) {
    v1::Stream& out = *response.add_streams();
    out.set_device(stream.shown.device);
    out.set_device_id(stream.device_id);
    out.set_model(CleanUtf8(stream.model));
    out.set_since(stream.shown.since_ms / 1000);
    out.set_seen_ago(stream.shown.seen_ago.count());
    out.set_ends_in(stream.shown.ends_in.count());
  }
  return response;
}

absl::StatusOr<v1::EndStreamResponse> Service::EndStream(const rpc::Call&,
                                                         const v1::EndStreamRequest& request) {
  if (request.account_id().empty()) return InvalidArgument("account_id is empty");
  if (request.device().empty()) return InvalidArgument("device is empty");
  if (!streams_.slots().GiveBack(AccountId(request.account_id()), request.device())) {
    return NotFound("device {} of account {} does not play", CleanUtf8(request.device()),
                    CleanUtf8(request.account_id()));
  }
  return v1::EndStreamResponse();
}

}  // namespace holdfast::middleware
