// The door of an instance: the production admission queue, driven by virtual time instead of by a
// pool of threads.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "libs/admission/admission_queue.h"
#include "libs/base/job_queue.h"
#include "tests/sim/own_clock.h"
#include "tests/sim/slab.h"

namespace holdfast::sim {

// What the door needs to know of a request.
struct Visitor {
  Handle request = kNothing;
  Criticality criticality = Criticality::kInteractive;
  Deadline deadline = Deadline::Never();
  std::string caller;
  std::uint64_t who = 0;  // a viewer's box, or the call: what LoadLevel tells apart
  std::size_t kind = 0;   // its method
  Job::Timing timing = Job::Timing::kTypical;
};

class Gate final : public Actor {
 public:
  struct Options {
    std::size_t threads = 8;  // as many handlers run together at most
    admission::AdmissionQueue::Options queue;
  };

  // Whom it lets in and whom it sends away. Neither calls the gate back.
  class Host {
   public:
    virtual void Admitted(Handle request) = 0;
    virtual void Refused(Handle request, Refusal why) = 0;

   protected:
    ~Host() = default;
  };

  // All must outlive the gate.
  Gate(const Options& options, OwnClock& clock, Host& host);

  void Arrive(const Visitor& visitor);
  void Leave(const Visitor& visitor, Duration took);
  void Forget();  // everybody has gone

  std::size_t limit() const { return queue_->limit(); }

  void Act(std::uint32_t what, std::uint64_t with) override;

 private:
  void Serve();
  void SendAway();

  const Options options_;
  OwnClock& clock_;
  Host& host_;
  std::unique_ptr<admission::AdmissionQueue> queue_;
  std::vector<RefusedJob> refused_;
  SteadyTime wakes_at_ = SteadyTime::max();
  std::size_t running_ = 0;
  bool serving_ = false;  // Serve is at work: what frees a place meanwhile need not call it again
};

}  // namespace holdfast::sim
