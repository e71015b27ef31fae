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

constexpr double kFirstShare = 0.1;  // of a returned instance

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

Duration Peer::Attempt::age() const {
  return peer_ == nullptr ? Duration::zero() : peer_->clock_.SteadyNow() - start_;
}

void Peer::Attempt::End(TryOutcome outcome, bool timed) {
  Peer* peer = std::exchange(peer_, nullptr);
  if (peer == nullptr) return;
  if (permit_ && outcome == TryOutcome::kAnswered) permit_->Succeeded();
  if (permit_ && outcome == TryOutcome::kFailed) permit_->Failed();
  const bool too_often = peer->End(outcome, start_, timed, /*compared=*/permit_ && timed);
  if (permit_ && too_often) permit_->SlowOnceTooOften();
  if (permit_ && outcome == TryOutcome::kSlow) permit_->SucceededSlowly();  // unless it was said
  permit_.reset();
}

Peer::Peer(discovery::Instance instance, const Options& options, const Clock& clock,
           Listener listener, SlowTally* tally)
    : instance_(std::move(instance)),
      weight_(instance_.weight),
      draining_(instance_.state == discovery::State::kDraining),
      clock_(clock),
      listener_(std::move(listener)),
      tally_(tally),
      breaker_(options.breaker, clock,
               [this](const CircuitBreaker::Change& change) { BreakerChanged(change); }),
      options_(options),
      latency_at_(clock.SteadyNow()) {}

void Peer::SetOptions(const Options& options) {
  breaker_.SetOptions(options.breaker);
  absl::MutexLock lock(&mutex_);
  options_ = options;
}

void Peer::Announced(const discovery::Instance& instance) {
  weight_.store(instance.weight, std::memory_order_relaxed);
  const bool drains = instance.state == discovery::State::kDraining;
  if (draining_.exchange(drains, std::memory_order_relaxed) == drains) return;
  if (listener_) listener_(*this, drains ? "draining" : "serving", "said by discovery");
}

bool Peer::ProbeSucceeded() {
  absl::MutexLock lock(&mutex_);
  connected_.store(true, std::memory_order_relaxed);
  failed_probes_ = 0;
  if (health() == Health::kUp) return false;
  ++good_probes_;
  if (health() == Health::kDown && good_probes_ < options_.probes_to_admit) return false;
  SetHealth(Health::kUp, "probes answer");
  return true;
}

void Peer::ProbeFailed(std::string_view why) {
  absl::MutexLock lock(&mutex_);
  good_probes_ = 0;
  last_trouble_ = why;
  trouble_at_ = clock_.SteadyNow();
  if (health() == Health::kDown || ++failed_probes_ < options_.probes_to_fail) return;
  SetHealth(Health::kDown, why);
}

void Peer::SaidNotServing() {
  absl::MutexLock lock(&mutex_);
  good_probes_ = 0;
  last_trouble_ = "says it is not serving";
  trouble_at_ = clock_.SteadyNow();
  if (health() != Health::kDown) SetHealth(Health::kDown, last_trouble_);
}

void Peer::ConnectionLost(std::string_view why) {
  absl::MutexLock lock(&mutex_);
  connected_.store(false, std::memory_order_relaxed);
  good_probes_ = 0;
  last_trouble_ = why;
  trouble_at_ = clock_.SteadyNow();
  if (health() != Health::kDown) SetHealth(Health::kDown, why);
}

Peer::Attempt Peer::Begin(SteadyTime now) {
  std::optional<CircuitBreaker::Permit> permit = breaker_.TryAcquire();
  absl::MutexLock lock(&mutex_);
  ++outstanding_;
  return Attempt(*this, std::move(permit), now);
}

std::optional<Peer::Attempt> Peer::BeginCanary() {
  if (ejected_at() == SteadyTime::max() || health() != Health::kUp) return std::nullopt;
  std::optional<CircuitBreaker::Permit> permit = breaker_.TryAcquire();
  if (!permit) return std::nullopt;
  absl::MutexLock lock(&mutex_);
  ++outstanding_;
  return Attempt(*this, std::move(permit), clock_.SteadyNow());
}

void Peer::AskedToWait(Duration wait) {
  wait_until_.store(clock_.SteadyNow() + wait, std::memory_order_relaxed);
}

bool Peer::ejected() const {
  if (ejected_at() == SteadyTime::max()) return false;
  return clock_.SteadyNow() < doubt_ends_.load(std::memory_order_relaxed);
}

bool Peer::wants_to_wait() const {
  const SteadyTime until = wait_until_.load(std::memory_order_relaxed);
  return until != SteadyTime::min() && clock_.SteadyNow() < until;
}

double Peer::StaticWeight() const { return std::clamp(given_weight(), 1, 1000); }

double Peer::Weight() const {
  const SteadyTime returned_at = returned_at_.load(std::memory_order_relaxed);
  if (returned_at == SteadyTime::min()) return StaticWeight();
  absl::MutexLock lock(&mutex_);
  const double lasts = Seconds(options_.slow_start);
  const double age = Seconds(clock_.SteadyNow() - returned_at);
  if (age >= lasts) return StaticWeight();
  return StaticWeight() * (kFirstShare + (1 - kFirstShare) * age / lasts);
}

double Peer::Load() const {
  const double weight = Weight() / 100.0;
  absl::MutexLock lock(&mutex_);
  if (!answered_once_) return outstanding_ == 0 ? 0 : kNeverAnsweredSeconds + outstanding_;
  return std::max(LatencySeconds(), kNoiseSeconds) * (outstanding_ / weight + 1);
}

int Peer::outstanding() const {
  absl::MutexLock lock(&mutex_);
  return outstanding_;
}

Duration Peer::latency() const {
  absl::MutexLock lock(&mutex_);
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(LatencySeconds()));
}

std::string Peer::Describe() const {
  const CircuitBreaker::State state = breaker_.state();
  const std::string_view why = breaker_.why();
  const CircuitBreaker::Counts counts = breaker_.counts();
  const double weight = Weight();
  const bool waits = wants_to_wait();
  absl::MutexLock lock(&mutex_);
  std::string line = fmt::format(
      "{:<20} {:<22} zone={:<4} {:<9} breaker={:<9} {:>4} in flight {:>8.2f} ms  weight {:>4.0f}",
      instance_.id, instance_.address, instance_.zone, Name(health()), Name(state), outstanding_,
      LatencySeconds() * 1000, weight);
  if (counts.calls > 0) {
    line += fmt::format("  window: {} calls, {} failed, {} slow", counts.calls, counts.failed,
                        counts.slow);
  }
  if (state != CircuitBreaker::State::kClosed) line += fmt::format("  ejected for: {}", why);
  if (draining()) line += "  draining";
  if (waits) line += "  asked us to wait";
  if (!last_trouble_.empty()) {
    line += fmt::format("  last trouble {:.1f} s ago: {}",
                        Seconds(clock_.SteadyNow() - trouble_at_), last_trouble_);
  }
  return line;
}

// Runs with the breaker locked: the breaker is never asked while mutex_ is held.
void Peer::BreakerChanged(const CircuitBreaker::Change& change) {
  {
    absl::MutexLock lock(&mutex_);
    const SteadyTime now = clock_.SteadyNow();
    doubt_ends_.store(now + change.refuses_for + options_.canary_patience,
                      std::memory_order_relaxed);
    if (change.next == CircuitBreaker::State::kClosed) {
      ejected_at_.store(SteadyTime::max(), std::memory_order_relaxed);
      Returned();
    } else if (ejected_at() == SteadyTime::max()) {
      ejected_at_.store(now, std::memory_order_relaxed);
    }
  }
  if (listener_) listener_(*this, Name(change.next), change.why);
}

void Peer::SetHealth(Health next, std::string_view why) {
  const bool returned = health() == Health::kDown && next == Health::kUp;
  health_.store(next, std::memory_order_relaxed);
  good_probes_ = failed_probes_ = 0;
  if (next == Health::kUp) {
    last_trouble_.clear();
    answered_once_ = false;
  }
  if (returned) Returned();
  if (listener_) listener_(*this, Name(next), why);
}

void Peer::Returned() {
  answered_once_ = false;
  slow_row_.End();
  returned_at_.store(clock_.SteadyNow(), std::memory_order_relaxed);
}

double Peer::LatencySeconds(SteadyTime now) const {
  const double age = Seconds(now - latency_at_);
  return latency_seconds_ * std::exp(-age / Seconds(options_.latency_memory));
}

void Peer::Observe(double seconds, SteadyTime now) {
  const double kept = std::exp(-Seconds(now - latency_at_) / Seconds(options_.latency_memory));
  const bool peak = !answered_once_ || seconds > latency_seconds_;
  latency_seconds_ = peak ? seconds : latency_seconds_ * kept + seconds * (1 - kept);
  latency_at_ = now;
  answered_once_ = true;
}

// An instance that is out is not compared with the others, and does not speak for how they are.
bool Peer::SlowOnceTooOften(bool slow, SteadyTime start) {
  if (tally_ == nullptr || ejected_at() != SteadyTime::max()) return false;
  tally_->Count(slow);
  return slow_row_.Count(slow, start, tally_->counts(), options_.slow_row);
}

bool Peer::End(TryOutcome outcome, SteadyTime start, bool timed, bool compared) {
  const SteadyTime now = clock_.SteadyNow();
  const double took = Seconds(now - start);
  absl::MutexLock lock(&mutex_);
  --outstanding_;
  switch (outcome) {
    case TryOutcome::kFailed:
    case TryOutcome::kFull:
      Observe(std::max(took, Seconds(options_.failure_latency)), now);
      return false;
    case TryOutcome::kAnswered:
    case TryOutcome::kSlow:
      if (timed) Observe(took, now);
      return compared && SlowOnceTooOften(outcome == TryOutcome::kSlow, start);
    case TryOutcome::kOvertaken:
      if (took > LatencySeconds(now)) Observe(took, now);
      return false;
    case TryOutcome::kUnknown:
      return false;
  }
  return false;
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
