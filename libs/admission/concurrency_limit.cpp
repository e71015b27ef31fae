#include "libs/admission/concurrency_limit.h"

#include <algorithm>
#include <cmath>

#include "libs/base/check.h"

namespace holdfast::admission {
namespace {

constexpr double kSteepest = 0.5;
constexpr double kWorstRatio = 10;       // one job that hung does not speak for a window
constexpr double kFasterIsUsual = 0.3;   // of the difference, per window
constexpr double kEnoughToJudge = 0.25;  // of the limit, that it came down by
constexpr double kCures = 0.5;           // of that, by which jobs must have become faster
constexpr double kStillWorse = 1.5;      // times as slow as before: too early to judge
constexpr double kShortest = 1e-6;       // seconds: below, times are noise

double Seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

ConcurrencyLimit::ConcurrencyLimit(const Options& options)
    : options_(options), limit_(static_cast<double>(std::min(options.ceiling, 4 * options.floor))) {
  HOLDFAST_CHECK(options.floor >= 1 && options.floor <= options.ceiling);
}

void ConcurrencyLimit::Observe(std::size_t kind, Duration took, std::size_t running,
                               SteadyTime now) {
  if (samples_ == 0) window_start_ = now;
  if (kind >= kinds_.size()) kinds_.resize(kind + 1);
  kinds_[kind].sum += std::max(Seconds(took), kShortest);
  ++kinds_[kind].samples;
  ++samples_;
  most_running_ = std::max(most_running_, running);
  if (samples_ >= options_.window_samples && now - window_start_ >= options_.window) {
    CloseWindow();
  }
}

void ConcurrencyLimit::CloseWindow() {
  double ratio = Ratio();
  const bool accept_slower = !SlownessIsOurDoing(ratio);
  LearnUsual(accept_slower);
  if (accept_slower) ratio = std::min(ratio, 1.0);
  Move(ratio);
  for (Kind& kind : kinds_) kind.sum = 0, kind.samples = 0;
  samples_ = most_running_ = 0;
}

bool ConcurrencyLimit::SlownessIsOurDoing(double ratio) {
  if (most_running_ <= options_.floor) return false;
  if (ratio <= options_.tolerance) {
    slow_from_limit_ = 0;
    return true;
  }
  // The first windows of a trouble hold jobs from before it: what they say is no measure for later.
  if (slow_from_limit_ == 0 || ratio > kStillWorse * slow_from_ratio_) {
    slow_from_limit_ = limit_;
    slow_from_ratio_ = ratio;
    return true;
  }
  const double fewer = 1 - limit_ / slow_from_limit_;
  if (fewer < kEnoughToJudge) return true;
  const double faster = 1 - ratio / slow_from_ratio_;
  slow_from_limit_ = faster < fewer * kCures ? 0 : limit_;
  slow_from_ratio_ = ratio;
  return slow_from_limit_ != 0;
}

double ConcurrencyLimit::Ratio() const {
  double weighted = 0;
  for (const Kind& kind : kinds_) {
    if (kind.samples == 0) continue;
    const auto samples = static_cast<double>(kind.samples);
    const double ratio = kind.usual > 0 ? kind.sum / samples / kind.usual : 1;
    weighted += samples * std::min(ratio, kWorstRatio);
  }
  return weighted / static_cast<double>(samples_);
}

void ConcurrencyLimit::LearnUsual(bool accept_slower) {
  for (Kind& kind : kinds_) {
    if (kind.samples == 0) continue;
    const double mean = kind.sum / static_cast<double>(kind.samples);
    if (kind.usual == 0 || (accept_slower && mean > kind.usual)) kind.usual = mean;
    if (mean < kind.usual) kind.usual += kFasterIsUsual * (mean - kind.usual);
  }
}

void ConcurrencyLimit::Move(double ratio) {
  // A limit that nobody reached has neither helped nor hindered.
  if (2 * most_running_ < limit()) return;
  const double gradient = std::clamp(options_.tolerance / ratio, kSteepest, 1.0);
  const double wanted = limit_ * gradient + std::sqrt(limit_) / 2;
  limit_ += options_.smoothing * (wanted - limit_);
  limit_ = std::clamp(limit_, static_cast<double>(options_.floor),
                      static_cast<double>(options_.ceiling));
}

}  // namespace holdfast::admission
