#include "libs/rpc/circuit_breaker.h"

#include <algorithm>
#include <utility>

namespace holdfast::rpc {

namespace {

// 0 as a limit means that the share does not matter.
bool Reached(std::int64_t part, std::int64_t whole, double limit) {
  return limit > 0 && static_cast<double>(part) >= limit * static_cast<double>(whole);
}

}  // namespace

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

void CircuitBreaker::Permit::SucceededSlowly() {
  if (auto* breaker = std::exchange(breaker_, nullptr)) {
    breaker->Report(generation_, probe_, Outcome::kSlow);
  }
}

void CircuitBreaker::Permit::SlowOnceTooOften() {
  if (auto* breaker = std::exchange(breaker_, nullptr)) {
    breaker->Report(generation_, probe_, Outcome::kSlowTooOften);
  }
}

void CircuitBreaker::Permit::Failed() {
  if (auto* breaker = std::exchange(breaker_, nullptr)) {
    breaker->Report(generation_, probe_, Outcome::kFailed);
  }
}

CircuitBreaker::Counts& CircuitBreaker::Counts::operator+=(const Counts& other) {
  calls += other.calls;
  failed += other.failed;
  slow += other.slow;
  return *this;
}

CircuitBreaker::CircuitBreaker(const Options& options, const Clock& clock, Listener listener)
    : clock_(clock),
      listener_(std::move(listener)),
      options_(options),
      window_(options.window),
      entered_at_(clock.SteadyNow()) {}

std::optional<CircuitBreaker::Permit> CircuitBreaker::TryAcquire() {
  absl::MutexLock lock(&mutex_);
  if (state_ == State::kOpen && clock_.SteadyNow() - entered_at_ >= open_for_) {
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

void CircuitBreaker::SetOptions(const Options& options) {
  absl::MutexLock lock(&mutex_);
  options_ = options;
  window_.SetWidth(options.window);
}

CircuitBreaker::State CircuitBreaker::state() const {
  absl::MutexLock lock(&mutex_);
  return state_;
}

Duration CircuitBreaker::refuses_for() const {
  absl::MutexLock lock(&mutex_);
  if (state_ != State::kOpen) return Duration::zero();
  return std::max<Duration>(entered_at_ + open_for_ - clock_.SteadyNow(), Duration::zero());
}

Duration CircuitBreaker::in_state_for() const {
  absl::MutexLock lock(&mutex_);
  return clock_.SteadyNow() - entered_at_;
}

std::string_view CircuitBreaker::why() const {
  absl::MutexLock lock(&mutex_);
  return why_;
}

CircuitBreaker::Counts CircuitBreaker::counts() const {
  absl::MutexLock lock(&mutex_);
  return window_.Total(clock_.SteadyNow());
}

std::optional<CircuitBreaker::Permit> CircuitBreaker::AcquireProbe() {
  const SteadyTime now = clock_.SteadyNow();
  const Duration lease = options_.permit_lease;
  std::erase_if(probes_, [&](const Probe& probe) { return now - probe.started_at >= lease; });
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
  if (outcome == Outcome::kUnknown) return;
  const SteadyTime now = clock_.SteadyNow();
  Counts& slot = window_.At(now);
  ++slot.calls;
  if (outcome == Outcome::kSucceeded) {
    failures_ = 0;
    return;  // a good call is no reason to open
  }
  ++(outcome == Outcome::kFailed ? slot.failed : slot.slow);
  failures_ = outcome == Outcome::kFailed ? failures_ + 1 : 0;
  if (outcome == Outcome::kSlowTooOften) return Enter(State::kOpen, "slow in a row");
  if (options_.failures_to_open > 0 && failures_ >= options_.failures_to_open) {
    return Enter(State::kOpen, "failures in a row");
  }
  const Counts total = window_.Total(now);
  if (total.calls < options_.min_calls) return;
  if (Reached(total.failed, total.calls, options_.failure_ratio)) {
    return Enter(State::kOpen, "failure ratio");
  }
  if (Reached(total.slow, total.calls, options_.slow_ratio)) Enter(State::kOpen, "slow ratio");
}

void CircuitBreaker::ReportHalfOpen(int number, Outcome outcome) {
  const auto held = std::erase_if(probes_, [&](const Probe& p) { return p.number == number; });
  if (held == 0) return;  // its lease ran out, another one has its place
  if (outcome == Outcome::kFailed) return Enter(State::kOpen, "probe failed");
  const bool slow = outcome == Outcome::kSlow || outcome == Outcome::kSlowTooOften;
  if (slow && options_.slow_ratio > 0) return Enter(State::kOpen, "probe slow");
  if (outcome != Outcome::kUnknown && ++successes_ >= options_.probes_to_close) {
    Enter(State::kClosed, "probes succeeded");
  }
}

void CircuitBreaker::Enter(State next, std::string_view why) {
  if (next == State::kOpen) open_for_ = NextOpenFor();
  state_ = next;
  why_ = why;
  ++generation_;
  failures_ = successes_ = 0;
  probes_.clear();
  window_.Clear();
  entered_at_ = clock_.SteadyNow();
  if (listener_) {
    listener_({.next = next,
               .why = why,
               .refuses_for = next == State::kOpen ? open_for_ : Duration::zero()});
  }
}

// Twice the last one if the dependency has not stayed well since, at most open_for_max.
Duration CircuitBreaker::NextOpenFor() {
  const bool well_since =
      state_ == State::kClosed && clock_.SteadyNow() - entered_at_ >= options_.open_for_max;
  if (well_since || open_for_ == Duration::zero()) return options_.open_for;
  const Duration longest = std::max(options_.open_for, options_.open_for_max);
  return std::clamp(2 * open_for_, options_.open_for, longest);
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
