#include "libs/rpc/circuit_breaker.h"

#include <algorithm>
#include <utility>

namespace holdfast::rpc {

CircuitBreaker::Permit::Permit(Permit&& other) noexcept
    : breaker_(std::exchange(other.breaker_, nullptr)),
      generation_(other.generation_),
      probe_(other.probe_) {}

CircuitBreaker::Permit& CircuitBreaker::Permit::operator=(Permit&& other) noexcept {
  std::swap(breaker_, other.breaker_);
  std::swap(generation_, other.generation_);
  std::swap(probe_, other.probe_);
  return *this;
}

CircuitBreaker::Permit::~Permit() {
  if (breaker_ != nullptr) breaker_->Report(generation_, probe_, Outcome::kUnknown);
}

void CircuitBreaker::Permit::Succeeded() {
  if (auto* breaker = std::exchange(breaker_, nullptr)) {
    breaker->Report(generation_, probe_, Outcome::kSucceeded);
  }
}

void CircuitBreaker::Permit::Failed() {
  if (auto* breaker = std::exchange(breaker_, nullptr)) {
    breaker->Report(generation_, probe_, Outcome::kFailed);
  }
}

CircuitBreaker::CircuitBreaker(const Options& options, const Clock& clock, Listener listener)
    : options_(options),
      clock_(clock),
      listener_(std::move(listener)),
      entered_at_(clock.SteadyNow()) {}

std::optional<CircuitBreaker::Permit> CircuitBreaker::TryAcquire() {
  absl::MutexLock lock(&mutex_);
  if (state_ == State::kOpen && clock_.SteadyNow() - entered_at_ >= options_.open_for) {
    Enter(State::kHalfOpen, "time to look again");
  }
  if (state_ == State::kOpen) return std::nullopt;
  if (state_ == State::kHalfOpen) return AcquireProbe();
  return Permit(*this, generation_, /*probe=*/0);
}

void CircuitBreaker::LookAgain() {
  absl::MutexLock lock(&mutex_);
  if (state_ == State::kOpen) Enter(State::kHalfOpen, "seen alive");
}

CircuitBreaker::State CircuitBreaker::state() const {
  absl::MutexLock lock(&mutex_);
  return state_;
}

Duration CircuitBreaker::refuses_for() const {
  absl::MutexLock lock(&mutex_);
  if (state_ != State::kOpen) return Duration::zero();
  return std::max<Duration>(entered_at_ + options_.open_for - clock_.SteadyNow(), Duration::zero());
}

Duration CircuitBreaker::in_state_for() const {
  absl::MutexLock lock(&mutex_);
  return clock_.SteadyNow() - entered_at_;
}

std::optional<CircuitBreaker::Permit> CircuitBreaker::AcquireProbe() {
  const SteadyTime now = clock_.SteadyNow();
  std::erase_if(
      probes_, [&](const Probe& probe) { return now - probe.started_at >= options_.permit_lease; });
  if (std::ssize(probes_) + successes_ >= options_.probes_to_close) return std::nullopt;
  probes_.push_back({.number = ++next_probe_, .started_at = now});
  return Permit(*this, generation_, next_probe_);
}

void CircuitBreaker::Report(int generation, int probe, Outcome outcome) {
  absl::MutexLock lock(&mutex_);
  if (generation != generation_) return;
  if (state_ == State::kClosed) ReportClosed(outcome);
  if (state_ == State::kHalfOpen) ReportHalfOpen(probe, outcome);
}

void CircuitBreaker::ReportClosed(Outcome outcome) {
  if (outcome == Outcome::kSucceeded) failures_ = 0;
  if (outcome == Outcome::kFailed && ++failures_ >= options_.failures_to_open) {
    Enter(State::kOpen, "too many failures in a row");
  }
}

void CircuitBreaker::ReportHalfOpen(int number, Outcome outcome) {
  const auto held = std::erase_if(probes_, [&](const Probe& p) { return p.number == number; });
  if (held == 0) return;  // its lease ran out, another one has its place
  if (outcome == Outcome::kFailed) return Enter(State::kOpen, "a probe failed");
  if (outcome == Outcome::kSucceeded && ++successes_ >= options_.probes_to_close) {
    Enter(State::kClosed, "probes succeeded");
  }
}

void CircuitBreaker::Enter(State next, std::string_view why) {
  state_ = next;
  ++generation_;
  failures_ = successes_ = 0;
  probes_.clear();
  entered_at_ = clock_.SteadyNow();
  if (listener_) listener_(next, why);
}

std::string_view Name(CircuitBreaker::State state) {
  switch (state) {
    case CircuitBreaker::State::kClosed:
      return "closed";
    case CircuitBreaker::State::kHalfOpen:
      return "half-open";
    case CircuitBreaker::State::kOpen:
      return "open";
  }
  return "";
}

}  // namespace holdfast::rpc
