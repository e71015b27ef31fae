#include "tests/sim/recorder.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace holdfast::sim {

void TimeHistogram::Add(Duration time) {
  const auto micros = static_cast<std::uint64_t>(time.count()) / 1000 + 8;
  const int doublings = std::bit_width(micros) - 1;
  const auto step =
      (static_cast<std::uint64_t>(doublings) - 3) * 8 + (micros >> (doublings - 3)) - 8;
  ++steps_[std::min<std::size_t>(step, steps_.size() - 1)];
  ++count_;
}

Duration TimeHistogram::Quantile(double q) const {
  if (count_ == 0) return Duration::zero();
  const auto rank = static_cast<std::uint64_t>(q * static_cast<double>(count_ - 1));
  std::uint64_t seen = 0;
  for (std::size_t step = 0; step < steps_.size(); ++step) {
    seen += steps_[step];
    if (seen > rank) {
      return std::chrono::microseconds(((step % 8 + 9) << (step / 8)) - 8);  // its upper end
    }
  }
  return Duration::max();
}

double Tally::success() const {
  return calls == 0 ? 1 : static_cast<double>(good()) / static_cast<double>(calls);
}

Tally& Tally::operator+=(const Tally& other) {
  calls += other.calls;
  failed += other.failed;
  return *this;
}

Tally Window::all() const {
  Tally sum = awaited();
  return sum += background();
}

Tally Window::awaited() const {
  Tally sum = calls[IndexOf(Criticality::kCritical)];
  return sum += calls[IndexOf(Criticality::kInteractive)];
}

Tally Window::background() const {
  Tally sum = calls[IndexOf(Criticality::kBackground)];
  return sum += calls[IndexOf(Criticality::kBulk)];
}

double Window::amplification() const {
  const std::uint64_t all_calls = all().calls;
  return all_calls == 0 ? 1 : static_cast<double>(tries) / static_cast<double>(all_calls);
}

void Recorder::CallEnded(std::size_t by, Criticality criticality, absl::StatusCode code,
                         Duration took) {
  const auto index = static_cast<std::size_t>(criticality);
  if (by >= window_.calls_by.size()) window_.calls_by.resize(by + 1);
  const Tally one = {.calls = 1, .failed = code == absl::StatusCode::kOk ? 0u : 1u};
  window_.calls[index] += one;
  window_.calls_by[by] += one;
  window_.call_times[index].Add(took);
}

void Recorder::TryBegan(Place from, Place where, For whom) {
  ++window_.tries;
  if (whom == For::kCanary) return;
  const std::size_t to = where.node;
  const auto from_zone = static_cast<std::size_t>(from.zone);
  const auto to_zone = static_cast<std::size_t>(where.zone);
  ++window_.tries_between[from_zone][to_zone];
  last_between_[from_zone][to_zone] = timeline_.elapsed();
  if (to >= last_try_.size()) last_try_.resize(to + 1, Duration::min());
  if (to >= window_.tries_to.size()) window_.tries_to.resize(last_try_.size());
  last_try_[to] = timeline_.elapsed();
  ++window_.tries_to[to];
}

Window Recorder::Look() {
  window_.to = timeline_.elapsed();
  Window next;
  next.from = window_.to;
  return std::exchange(window_, std::move(next));
}

Duration Recorder::last_try(std::size_t process) const {
  return process < last_try_.size() ? last_try_[process] : Duration::min();
}

}  // namespace holdfast::sim
