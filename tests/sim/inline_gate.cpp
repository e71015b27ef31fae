#include "tests/sim/inline_gate.h"

#include <string_view>
#include <utility>

namespace holdfast::sim {

InlineGate::InlineGate(const Options& options, OwnClock& clock, Random& random, Gate::Host& host)
    : options_(options),
      clock_(clock),
      host_(host),
      load_({}, random),
      delay_(options.delay, load_) {}

void InlineGate::Forget() {
  lying_.clear();
  busy_ = 0;
  ++epoch_;
}

void InlineGate::Arrive(const Visitor& visitor) {
  lying_.push_back({visitor, clock_.SteadyNow()});
  Serve();
}

void InlineGate::Leave() {
  --busy_;
  Serve();
}

void InlineGate::Serve() {
  if (std::exchange(serving_, true)) return;
  while (busy_ < options_.threads && !lying_.empty()) {
    const Lying next = std::move(lying_.front());
    lying_.pop_front();
    Take(next);
  }
  serving_ = false;
}

void InlineGate::Take(const Lying& next) {
  const SteadyTime now = clock_.SteadyNow();
  const Visitor& visitor = next.visitor;
  ++busy_;
  delay_.Observe(now - next.since, now);
  const std::string_view who(reinterpret_cast<const char*>(&visitor.who), sizeof visitor.who);
  if (load_.Admits(visitor.criticality, who)) return host_.Admitted(visitor.request);
  clock_.In(options_.refusal_costs, *this, epoch_);
  host_.Refused(visitor.request, Refusal::kBusy);
}

void InlineGate::Act(std::uint32_t epoch, std::uint64_t) {
  if (epoch == epoch_) Leave();
}

}  // namespace holdfast::sim
