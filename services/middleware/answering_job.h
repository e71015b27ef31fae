// Work for one HTTP request on the worker pool. It is not begun any more when its client has left
// meanwhile (answered 499, which nobody reads), or when it is past Request::deadline().
#pragma once

#include <functional>
#include <string>

#include "libs/base/clock.h"
#include "libs/base/job_queue.h"
#include "libs/http/server.h"

namespace holdfast::middleware {

struct AnsweringJob {
  struct Answered {
    http::Response response;
    holdfast::Job::Timing timing = holdfast::Job::Timing::kUntypical;
  };

  std::function<Answered()> work;
  std::function<http::Response()> refuse;  // instead of `work`, by any thread
  Criticality criticality = Criticality::kInteractive;
  std::string caller;    // see holdfast::Job
  std::size_t kind = 0;  // see NewJobKind
};

// `request` must stay valid until the reply is sent, as it does.
holdfast::Job JobFor(const http::Request& request, http::Reply reply, AnsweringJob what,
                     const Clock& clock);

}  // namespace holdfast::middleware
