// What a handler knows about the request it answers, and what a caller hands on to the next one.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "libs/base/criticality.h"
#include "libs/base/deadline.h"
#include "libs/rpc/cancellation.h"
#include "libs/telemetry/trace.h"

namespace holdfast::rpc {

using holdfast::Criticality;

// A value; cheap enough to copy once per request.
class Call {
 public:
  Call(Deadline deadline, telemetry::TraceContext trace,
       Criticality criticality = Criticality::kInteractive, std::string caller = "",
       std::shared_ptr<Cancellation> cancellation = nullptr)
      : deadline_(deadline),
        trace_(std::move(trace)),
        criticality_(criticality),
        caller_(std::move(caller)),
        cancellation_(std::move(cancellation)) {}

  // A call that no request caused: jobs, start-up. New trace.
  static Call Background(Duration timeout, const Clock& clock, Random& random);

  Deadline deadline() const { return deadline_; }
  const telemetry::TraceContext& trace() const { return trace_; }
  Criticality criticality() const { return criticality_; }
  const std::string& caller() const { return caller_; }  // service name from its certificate, or ""
  // Null: nobody can cancel it.
  const std::shared_ptr<Cancellation>& cancellation() const { return cancellation_; }

  // The same call for work that matters less (or more) than its caller.
  Call As(Criticality criticality) const {
    Call call = *this;
    call.criticality_ = criticality;
    return call;
  }

 private:
  Deadline deadline_;
  telemetry::TraceContext trace_;
  Criticality criticality_;
  std::string caller_;
  std::shared_ptr<Cancellation> cancellation_;
};

}  // namespace holdfast::rpc
