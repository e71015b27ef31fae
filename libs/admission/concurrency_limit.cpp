#include "libs/admission/concurrency_limit.h"

#include <algorithm>
#include <cmath>
#include <utility>

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

constexpr double kNewest = 0.1;            // weight of the newest window while it rests
constexpr std::size_t kRestsFor = 100;     // windows before the first trial
constexpr std::size_t kRestsAtMost = 600;  // and between two
constexpr double kTrialRaises = 1.5;       // times the limit
constexpr std::size_t kTrialWindows = 10;  // of which
constexpr std::size_t kTrialSettles = 3;   // the first hold jobs from before it,
constexpr std::size_t kTrialCounts = 4;    // and so many of the others must have more running
constexpr double kRaisingCosts = 0.5;      // of the raise, by which jobs must have become slower

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
  const bool accept_slower = Judge(ratio) == Doing::kNotOurs;
  LearnUsual(accept_slower);
  if (accept_slower) {
    ratio = std::min(ratio, 1.0);
    rest_ = {};
  }
  if (trial_.from == 0) Move(ratio);
  for (Kind& kind : kinds_) kind.sum = 0, kind.samples = 0;
  samples_ = most_running_ = 0;
}

ConcurrencyLimit::Doing ConcurrencyLimit::Judge(double ratio) {
  if (trial_.from > 0) return GoOnWithTrial(ratio);
  if (most_running_ <= options_.floor) return Doing::kNotOurs;
  NoteRest(ratio);
  if (TrialIsDue()) {
    BeginTrial();
    return Doing::kOurs;
  }
  if (ratio <= options_.tolerance) {
    slow_from_limit_ = 0;
    return Doing::kOurs;
  }
  return JudgeBySinking(ratio);
}

ConcurrencyLimit::Doing ConcurrencyLimit::JudgeBySinking(double ratio) {
  // The first windows of a trouble hold jobs from before it: what they say is no measure for later.
  if (slow_from_limit_ == 0 || ratio > kStillWorse * slow_from_ratio_) {
    slow_from_limit_ = limit_;
    slow_from_ratio_ = ratio;
    return Doing::kOurs;
  }
  const double fewer = 1 - limit_ / slow_from_limit_;
  if (fewer < kEnoughToJudge) return Doing::kOurs;
  const double faster = 1 - ratio / slow_from_ratio_;
  slow_from_limit_ = faster < fewer * kCures ? 0 : limit_;
  slow_from_ratio_ = ratio;
  return slow_from_limit_ != 0 ? Doing::kOurs : Doing::kNotOurs;
}

void ConcurrencyLimit::NoteRest(double ratio) {
  rest_.ratio += kNewest * (ratio - rest_.ratio);
  if (rest_.ratio <= options_.tolerance) {
    rest_.windows = rest_.next_trial = 0;
  } else if (2 * most_running_ >= limit()) {
    ++rest_.windows;
  }
}

bool ConcurrencyLimit::TrialIsDue() const {
  return limit() < options_.ceiling && 2 * most_running_ >= limit() &&
         rest_.windows >= std::max(rest_.next_trial, kRestsFor);
}

void ConcurrencyLimit::BeginTrial() {
  trial_ = {.from = limit()};
  limit_ = std::max(kTrialRaises * limit_, limit_ + 1);
  limit_ = std::min(limit_, static_cast<double>(options_.ceiling));
}

ConcurrencyLimit::Doing ConcurrencyLimit::GoOnWithTrial(double ratio) {
  ++trial_.windows;
  if (trial_.windows > kTrialSettles && most_running_ > trial_.from) {
    ++trial_.counted;
    trial_.ratios += ratio;
  }
  return trial_.windows < kTrialWindows ? Doing::kOurs : EndTrial();
}

ConcurrencyLimit::Doing ConcurrencyLimit::EndTrial() {
  const Trial trial = std::exchange(trial_, {});
  slow_from_limit_ = 0;
  const auto before = static_cast<double>(trial.from);
  const double more = static_cast<double>(limit()) / before - 1;
  if (trial.counted >= kTrialCounts) {
    const double ratio = trial.ratios / static_cast<double>(trial.counted);
    const double slower = ratio / rest_.ratio - 1;
    if (slower < more * kRaisingCosts) return Doing::kNotOurs;
  }
  limit_ = before;
  rest_.next_trial = rest_.windows + std::min(rest_.windows, kRestsAtMost);
  return Doing::kOurs;
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
