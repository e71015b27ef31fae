#include "libs/rpc/wire_timer.h"

#include <grpcpp/alarm.h>

#include <utility>

#include "libs/rpc/grpc_wire.h"
#include "libs/rpc/inline_thread.h"

namespace holdfast::rpc {

namespace {

struct Waiting {
  UnderWay::Place place;  // destroyed last
  std::function<void(WireTimer::End)> then;
};

}  // namespace

struct WireTimer::Impl {
  grpc::Alarm alarm;
};

WireTimer::WireTimer(Duration wait, UnderWay::Place place, std::function<void()> when_due)
    : WireTimer(wait, std::move(place), [when_due = std::move(when_due)](End end) {
        if (end == End::kDue) when_due();
      }) {}

WireTimer::WireTimer(Duration wait, UnderWay::Place place, std::function<void(End)> then)
    : impl_(std::make_unique<Impl>()) {
  // The alarm keeps its function as long as it lives itself: what the function holds is moved out.
  auto waiting = std::make_shared<std::unique_ptr<Waiting>>(
      std::make_unique<Waiting>(Waiting{std::move(place), std::move(then)}));
  impl_->alarm.Set(GrpcDeadlineAfter(wait), [waiting](bool fired) {
    const InlineThreadScope scope;
    const std::unique_ptr<Waiting> due = std::move(*waiting);
    due->then(fired ? End::kDue : End::kCancelled);
  });
}

WireTimer::~WireTimer() = default;

void WireTimer::Cancel() { impl_->alarm.Cancel(); }

}  // namespace holdfast::rpc
