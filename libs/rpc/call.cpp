#include "libs/rpc/call.h"

namespace holdfast::rpc {

Call Call::Background(Duration timeout, const Clock& clock, Random& random) {
  return Call(Deadline::After(timeout, clock), telemetry::TraceContext::Start(random),
              Criticality::kBackground);
}

}  // namespace holdfast::rpc
