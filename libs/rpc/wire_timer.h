// Something to be done in a moment, without a thread that waits for it.
#pragma once

#include <functional>
#include <memory>

#include "libs/base/clock.h"
#include "libs/rpc/under_way.h"

namespace holdfast::rpc {

// Runs `then` once on one of gRPC's threads after `wait`, unless cancelled (or destroyed) before.
// What `then` holds is let go in both cases, before its place. Thread-safe.
class WireTimer {
 public:
  WireTimer(Duration wait, UnderWay::Place place, std::function<void()> then);
  ~WireTimer();

  void Cancel();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::rpc
