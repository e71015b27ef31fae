#include "tests/load/living_box.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

namespace holdfast::load {
namespace {

constexpr std::string_view kNames[kDeeds] = {"zap", "heartbeat", "list", "guide", "start"};

std::size_t IndexOf(Deed deed) { return static_cast<std::size_t>(deed); }

std::string Excerpt(std::string_view body) {
  std::string text(body.substr(0, 120));
  std::ranges::replace_if(
      text, [](char c) { return c < ' ' || c > '~'; }, '.');
  return text;
}

}  // namespace

std::size_t BoxCounts::failures() const {
  return std::accumulate(failed.begin(), failed.end(), sessions_lost);
}

LivingBox::LivingBox(std::string mac, const std::vector<std::string>& channels,
                     const Rhythm& rhythm, std::chrono::milliseconds spread, std::uint64_t seed,
                     BoxLog& log)
    : mac_(std::move(mac)),
      channels_(channels),
      rhythm_(rhythm),
      random_(seed),
      log_(log),
      sequence_(mac_, channels[0]) {
  std::uniform_real_distribution<double> part(0, 1);
  start_due_ = SteadyClock::now() +
               std::chrono::duration_cast<SteadyClock::duration>(spread * part(random_));
}

SteadyClock::time_point LivingBox::Due() const {
  return starting_ ? start_due_ : *std::ranges::min_element(due_);
}

std::string LivingBox::Request() {
  if (!starting_) {
    deed_ = static_cast<Deed>(std::ranges::min_element(due_) - due_.begin());
    phase_ = log_.phase();
    const SteadyClock::time_point due = due_[IndexOf(deed_)];
    due_[IndexOf(deed_)] = After(due, deed_);
    if (deed_ == Deed::kStart) {  // off and on again
      starting_ = true;
      sequence_ = StartSequence(mac_, RandomChannel(), sequence_.token());
    }
  } else if (!has_started_ && sequence_.action() == "handshake") {
    phase_ = log_.phase();
  }
  switch (deed_) {
    case Deed::kZap:
      return sequence_.RequestOf("create_link", RandomChannel());
    case Deed::kHeartbeat:
      return sequence_.RequestOf("get_events", "");
    case Deed::kList:
      return sequence_.RequestOf("get_all_channels", "");
    case Deed::kGuide:
      return sequence_.RequestOf("get_epg_info", "");
    case Deed::kStart:
      break;
  }
  return sequence_.Request();
}

void LivingBox::Take(const Outcome& outcome) {
  BoxCounts& counts = log_.at(phase_);
  counts.degraded += outcome.degraded ? 1 : 0;
  const bool refused = outcome.body.find("Authorization failed") != std::string_view::npos;
  if (refused && !sequence_.token().empty()) ++counts.sessions_lost;
  if (starting_) return TakeOfStart(outcome);
  if (deed_ == Deed::kZap) counts.zap_ms.push_back(outcome.took_ms);
  Count(deed_, IsGood(outcome), kNames[IndexOf(deed_)], outcome);
}

void LivingBox::TakeOfStart(const Outcome& outcome) {
  const std::string action(sequence_.action());
  bool good = sequence_.Take({outcome.status, outcome.body, outcome.gzipped}) == Verdict::kGood;
  if (action == "get_all_channels") {
    if (list_size_ == 0) list_size_ = outcome.body.size();
    good = good && outcome.body.size() >= list_size_ * 9 / 10;
  }
  if (action == "get_epg_info" && guide_size_ == 0) guide_size_ = outcome.body.size();
  start_due_ = SteadyClock::now();
  if (good && !sequence_.finished()) return;
  Count(Deed::kStart, good, action, outcome);
  if (!good && !has_started_) {  // tries again, as a viewer would
    start_due_ = SteadyClock::now() + std::chrono::seconds(1);
    sequence_ = StartSequence(mac_, channels_[0]);
    return;
  }
  starting_ = false;
  if (has_started_) return;
  has_started_ = true;
  for (std::size_t i = 0; i < kDeeds; ++i) due_[i] = After(start_due_, static_cast<Deed>(i));
}

bool LivingBox::IsGood(const Outcome& outcome) {
  if (outcome.status != 200) return false;
  switch (deed_) {
    case Deed::kZap:
      return outcome.body.find("\"error\":\"\"") != std::string_view::npos &&
             outcome.body.find("http:") != std::string_view::npos;
    case Deed::kHeartbeat:
      return outcome.body.find("\"data\":{") != std::string_view::npos;
    case Deed::kList:
      return outcome.gzipped && outcome.body.size() >= list_size_ * 9 / 10;
    case Deed::kGuide:  // hours pass and programmes with them
      return outcome.gzipped && outcome.body.size() >= guide_size_ / 2;
    case Deed::kStart:
      break;
  }
  return false;
}

void LivingBox::Count(Deed deed, bool good, std::string_view what, const Outcome& outcome) {
  BoxCounts& counts = log_.at(phase_);
  ++counts.done[IndexOf(deed)];
  if (good) return;
  ++counts.failed[IndexOf(deed)];
  if (!counts.first_failure.empty()) return;
  counts.first_failure =
      fmt::format("{} of {} after {:.0f} ms: HTTP {} {} {}", what, mac_, outcome.took_ms,
                  outcome.status, outcome.trouble, Excerpt(outcome.body));
}

SteadyClock::time_point LivingBox::After(SteadyClock::time_point then, Deed deed) {
  const std::chrono::milliseconds means[kDeeds] = {rhythm_.zap, rhythm_.heartbeat, rhythm_.list,
                                                   rhythm_.guide, rhythm_.restart};
  std::uniform_real_distribution<double> part(0.5, 1.5);
  return then +
         std::chrono::duration_cast<SteadyClock::duration>(means[IndexOf(deed)] * part(random_));
}

const std::string& LivingBox::RandomChannel() {
  return channels_[std::uniform_int_distribution<std::size_t>(0, channels_.size() - 1)(random_)];
}

}  // namespace holdfast::load
