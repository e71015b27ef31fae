#include "services/middleware/answering_job.h"

#include <chrono>
#include <memory>
#include <utility>

#include "libs/http/route_table.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;

// A client that has just sent its request is not asked whether it is still there.
constexpr Duration kLongWait = 100ms;

}  // namespace

Job JobFor(const http::Request& request, http::Reply reply, AnsweringJob what, const Clock& clock) {
  // A job must be copyable, a reply is not.
  auto kept = std::make_shared<http::Reply>(std::move(reply));
  Job job;
  job.run = [kept, &request, &clock, since = clock.SteadyNow(), work = std::move(what.work)] {
    if (clock.SteadyNow() - since > kLongWait && request.gone()) {
      kept->Send(http::Response::Text(http::kClientLeft, ""));
      return Job::Timing::kUntypical;
    }
    AnsweringJob::Answered answered = work();
    kept->Send(std::move(answered.response));
    return answered.timing;
  };
  job.refuse = [kept, refuse = std::move(what.refuse)](Refusal) { kept->Send(refuse()); };
  job.criticality = what.criticality;
  job.deadline = request.deadline();
  job.caller = std::move(what.caller);
  job.kind = what.kind;
  return job;
}

}  // namespace holdfast::middleware
