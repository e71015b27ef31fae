// Something to be done in a moment, without a thread that waits for it.
#pragma once

#include <functional>
#include <memory>

#include "libs/base/clock.h"
#include "libs/rpc/under_way.h"

namespace holdfast::rpc {

// Runs `then` once on one of gRPC's threads after `wait`, or soon if it is cancelled (or destroyed)
// before, and says which. What `then` holds is let go afterwards, before its place. Thread-safe.
class WireTimer {
 public:
  enum class End { kDue, kCancelled };

  WireTimer(Duration wait, UnderWay::Place place, std::function<void(End)> then);
  // The same for what is not done at all when it is cancelled.
  WireTimer(Duration wait, UnderWay::Place place, std::function<void()> when_due);
  ~WireTimer();

  void Cancel();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::rpc
