// REST v1: which devices of the household play, and whether this one still does. An app that says
// so now and then keeps its place among those that may play at once; one that says that it stopped
// leaves it to the others.
#pragma once

#include <optional>

#include "services/middleware/metrics.h"
#include "services/middleware/rest_call.h"
#include "services/middleware/stream_gate.h"

namespace holdfast::middleware {

// Thread-safe; memory only. What it is given outlives it.
class RestStreams {
 public:
  RestStreams(StreamGate& gate, const Metrics& metrics) : gate_(gate), metrics_(metrics) {}

  http::Response List(const RestCall& call) const;
  http::Response Keep(const RestCall& call);
  http::Response End(const RestCall& call);

  // The problem, if this device may not play `content` because as many play as may. Otherwise it
  // counts as one that plays.
  std::optional<http::Response> Refuse(const RestCall& call, std::uint64_t content);
  // Marks an answer that was given without word of other instances.
  http::Response Marked(const RestCall& call, http::Response response) const;

 private:
  http::Response TooMany(const RestCall& call) const;

  StreamGate& gate_;
  const Metrics& metrics_;
};

}  // namespace holdfast::middleware
