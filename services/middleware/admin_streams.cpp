// Operators' REST: which devices of an account play.
#include "services/middleware/admin_resources.h"
#include "services/middleware/domain/m3u.h"

namespace holdfast::middleware {

http::Response AdminResources::Streams(const AdminCall& call) {
  v1::ListStreamsRequest request;
  request.set_account_id(CleanUtf8(call.parts.at(0)));
  const auto streams = service_.ListStreams(call.rpc(), request);
  return streams.ok() ? Shown(call, *streams)
                      : ProblemOf(streams.status(), *request.GetDescriptor());
}

http::Response AdminResources::EndStream(const AdminCall& call) {
  v1::EndStreamRequest request;
  request.set_account_id(CleanUtf8(call.parts.at(0)));
  request.set_device(CleanUtf8(call.parts.at(1)));
  const auto done = Do(call, &Service::EndStream, request);
  return done.ok() ? NoContent() : ProblemOf(done.status(), *request.GetDescriptor());
}

}  // namespace holdfast::middleware
