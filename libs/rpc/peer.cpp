#include "libs/rpc/peer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace holdfast::rpc {

namespace {

// Load of an instance that owes us its very first answer: behind everybody who has answered.
constexpr double kNeverAnsweredSeconds = 1000;

// Faster than this, differences are noise and not worth sending everybody to one instance.
constexpr double kNoiseSeconds = 0.001;

double Seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

Peer::Attempt::Attempt(Peer& peer, std::optional<CircuitBreaker::Permit> permit, SteadyTime start)
    : peer_(&peer), permit_(std::move(permit)), start_(start) {}

Peer::Attempt::Attempt(Attempt&& other) noexcept
    : peer_(std::exchange(other.peer_, nullptr)),
      permit_(std::move(other.permit_)),
      start_(other.start_) {}

Peer::Attempt::~Attempt() { End(TryOutcome::kUnknown, /*timed=*/false); }

void Peer::Attempt::Finish(TryOutcome outcome) { End(outcome, /*timed=*/true); }

void Peer::Attempt::FinishUntimed(TryOutcome outcome) { End(outcome, /*timed=*/false); }

void Peer::Attempt::End(TryOutcome outcome, bool timed) {
  Peer* peer = std::exchange(peer_, nullptr);
  if (peer == nullptr) return;
  if (permit_ && outcome == TryOutcome::kAnswered) permit_->Succeeded();
  if (permit_ && outcome == TryOutcome::kFailed) permit_->Failed();
  permit_.reset();
  peer->End(outcome, start_, timed);
}

Peer::Peer(discovery::Instance instance, const Options& options, const Clock& clock,
           Listener listener)
    : instance_(std::move(instance)),
      options_(options),
      clock_(clock),
      listener_(std::move(listener)),
      breaker_(
          options.breaker, clock,
          [this](CircuitBreaker::State next, std::string_view why) { BreakerChanged(next, why); }),
      latency_at_(clock.SteadyNow()) {}

bool Peer::ProbeSucceeded() {
  absl::MutexLock lock(&mutex_);
  failed_probes_ = 0;
  if (health_ == Health::kUp) return false;
  ++good_probes_;
  if (health_ == Health::kDown && good_probes_ < options_.probes_to_admit) return false;
  SetHealth(Health::kUp, "probes answer");
  return true;
}

void Peer::ProbeFailed(std::string_view why) {
  absl::MutexLock lock(&mutex_);
  good_probes_ = 0;
  last_trouble_ = why;
  if (health_ == Health::kDown || ++failed_probes_ < options_.probes_to_fail) return;
  SetHealth(Health::kDown, why);
}

void Peer::SaidNotServing() {
  absl::MutexLock lock(&mutex_);
  good_probes_ = 0;
  last_trouble_ = "says it is not serving";
  if (health_ != Health::kDown) SetHealth(Health::kDown, last_trouble_);
}

void Peer::ConnectionLost(std::string_view why) {
  absl::MutexLock lock(&mutex_);
  good_probes_ = 0;
  last_trouble_ = why;
  if (health_ != Health::kDown) SetHealth(Health::kDown, why);
}

Peer::Attempt Peer::Begin() {
  std::optional<CircuitBreaker::Permit> permit = breaker_.TryAcquire();
  absl::MutexLock lock(&mutex_);
  ++outstanding_;
  return Attempt(*this, std::move(permit), clock_.SteadyNow());
}

std::optional<Peer::Attempt> Peer::BeginCanary() {
  if (breaker_.state() == CircuitBreaker::State::kClosed) return std::nullopt;
  if (health() != Health::kUp) return std::nullopt;
  std::optional<CircuitBreaker::Permit> permit = breaker_.TryAcquire();
  if (!permit) return std::nullopt;
  absl::MutexLock lock(&mutex_);
  ++outstanding_;
  return Attempt(*this, std::move(permit), clock_.SteadyNow());
}

bool Peer::usable() const {
  if (health() != Health::kUp) return false;
  if (breaker_.state() == CircuitBreaker::State::kClosed) return true;
  return breaker_.in_state_for() >= options_.breaker.open_for + options_.canary_patience;
}

Peer::Health Peer::health() const {
  absl::MutexLock lock(&mutex_);
  return health_;
}

double Peer::Load() const {
  absl::MutexLock lock(&mutex_);
  const double weight = std::clamp(instance_.weight, 1, 1000) / 100.0;
  if (!answered_once_) {
    return outstanding_ == 0 ? 0 : (kNeverAnsweredSeconds + outstanding_) / weight;
  }
  return std::max(LatencySeconds(), kNoiseSeconds) * (outstanding_ + 1) / weight;
}

int Peer::outstanding() const {
  absl::MutexLock lock(&mutex_);
  return outstanding_;
}

std::string Peer::Describe() const {
  const std::string_view breaker = Name(breaker_.state());
  absl::MutexLock lock(&mutex_);
  return fmt::format("{:<20} {:<22} zone={:<4} {:<9} breaker={:<9} {:>4} in flight {:>8.2f} ms  {}",
                     instance_.id, instance_.address, instance_.zone, Name(health_), breaker,
                     outstanding_, LatencySeconds() * 1000, last_trouble_);
}

// Runs with the breaker locked: the breaker is never asked while mutex_ is held.
void Peer::BreakerChanged(CircuitBreaker::State next, std::string_view why) {
  if (next == CircuitBreaker::State::kClosed) {
    absl::MutexLock lock(&mutex_);
    answered_once_ = false;
  }
  if (listener_) listener_(*this, Name(next), why);
}

void Peer::SetHealth(Health next, std::string_view why) {
  health_ = next;
  good_probes_ = failed_probes_ = 0;
  if (next == Health::kUp) {
    last_trouble_.clear();
    answered_once_ = false;
  }
  if (listener_) listener_(*this, Name(next), why);
}

double Peer::LatencySeconds() const {
  const double age = Seconds(clock_.SteadyNow() - latency_at_);
  return latency_seconds_ * std::exp(-age / Seconds(options_.latency_memory));
}

void Peer::Observe(double seconds) {
  const SteadyTime now = clock_.SteadyNow();
  const double kept = std::exp(-Seconds(now - latency_at_) / Seconds(options_.latency_memory));
  const bool peak = !answered_once_ || seconds > latency_seconds_;
  latency_seconds_ = peak ? seconds : latency_seconds_ * kept + seconds * (1 - kept);
  latency_at_ = now;
  answered_once_ = true;
}

void Peer::End(TryOutcome outcome, SteadyTime start, bool timed) {
  absl::MutexLock lock(&mutex_);
  --outstanding_;
  const double took = Seconds(clock_.SteadyNow() - start);
  const double failure = Seconds(options_.failure_latency);
  const bool costly = outcome == TryOutcome::kFailed || outcome == TryOutcome::kFull;
  if (costly) Observe(std::max(took, failure));
  if (outcome == TryOutcome::kAnswered && timed) Observe(took);
}

std::string_view Name(Peer::Health health) {
  switch (health) {
    case Peer::Health::kUnproven:
      return "unproven";
    case Peer::Health::kUp:
      return "up";
    case Peer::Health::kDown:
      return "down";
  }
  return "";
}

}  // namespace holdfast::rpc
