#include "libs/rpc/wire_timer.h"

#include <grpcpp/alarm.h>

#include <utility>

#include "libs/rpc/grpc_wire.h"
#include "libs/rpc/inline_thread.h"

namespace holdfast::rpc {

namespace {

struct Waiting {
  UnderWay::Place place;  // destroyed last
  std::function<void()> then;
};

}  // namespace

struct WireTimer::Impl {
  grpc::Alarm alarm;
};

WireTimer::WireTimer(Duration wait, UnderWay::Place place, std::function<void()> then)
    : impl_(std::make_unique<Impl>()) {
  // The alarm keeps its function as long as it lives itself: what the function holds is moved out.
  auto waiting = std::make_shared<std::unique_ptr<Waiting>>(
      std::make_unique<Waiting>(Waiting{std::move(place), std::move(then)}));
  impl_->alarm.Set(GrpcDeadlineAfter(wait), [waiting](bool fired) {
    const InlineThreadScope scope;
    const std::unique_ptr<Waiting> due = std::move(*waiting);
    if (fired) due->then();
  });
}

WireTimer::~WireTimer() = default;

void WireTimer::Cancel() { impl_->alarm.Cancel(); }

}  // namespace holdfast::rpc
