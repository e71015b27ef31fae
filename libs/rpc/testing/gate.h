// For tests that hold handlers up.
#pragma once

#include <atomic>

#include "absl/synchronization/notification.h"
#include "libs/rpc/testing/echo.h"

namespace holdfast::rpc {

// A handler that waits until the test lets it go.
struct Gate {
  absl::Notification open;
  std::atomic<int> waiting = 0;
  Echo::Reply Reply() {
    return [this](const Call&, const v1::Text& request) {
      if (request.text() == "wait") {
        ++waiting;
        open.WaitForNotification();
      }
      return absl::OkStatus();
    };
  }
};

}  // namespace holdfast::rpc
