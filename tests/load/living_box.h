// A set-top box as an OpenLoop client: it starts, then zaps, sends heartbeats, reads the lists and
// the guide, and is now and then switched off and on again, with the token that it holds.
//
// Everything it does is counted in the phase in which it was due ("nothing", "billing killed"), so
// that an answer which comes after a fault counts for the fault that delayed it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "tests/load/open_loop.h"
#include "tests/load/start_sequence.h"

namespace holdfast::load {

enum class Deed { kZap, kHeartbeat, kList, kGuide, kStart };
inline constexpr std::size_t kDeeds = 5;

// What all boxes did in one phase. `done` includes `failed`.
struct BoxCounts {
  std::array<std::size_t, kDeeds> done = {}, failed = {};
  std::size_t degraded = 0;       // answers with X-Degraded
  std::size_t sessions_lost = 0;  // "Authorization failed." to a token that was good
  std::vector<double> zap_ms;
  std::string first_failure;

  std::size_t failures() const;
};

// Phases in order. Begin is for any thread; the rest for the one that plays, or afterwards.
class BoxLog {
 public:
  explicit BoxLog(std::size_t phases) : counts_(phases) {}
  void Begin(std::size_t phase) { phase_ = phase; }
  std::size_t phase() const { return phase_; }
  BoxCounts& at(std::size_t phase) { return counts_[phase]; }

 private:
  std::atomic<std::size_t> phase_ = 0;
  std::vector<BoxCounts> counts_;
};

// Mean pauses; each is drawn from half to one and a half times of it.
struct Rhythm {
  std::chrono::milliseconds zap = std::chrono::seconds(4);
  std::chrono::milliseconds heartbeat = std::chrono::seconds(10);
  std::chrono::milliseconds list = std::chrono::seconds(15);
  std::chrono::milliseconds guide = std::chrono::seconds(15);
  std::chrono::milliseconds restart = std::chrono::seconds(20);
};

class LivingBox final : public Client {
 public:
  // `channels`: handles ("cmd"), not empty. It is switched on at a random moment of the first
  // `spread`. Log and channels must outlive it.
  LivingBox(std::string mac, const std::vector<std::string>& channels, const Rhythm& rhythm,
            std::chrono::milliseconds spread, std::uint64_t seed, BoxLog& log);

  SteadyClock::time_point Due() const override;
  std::string Request() override;
  void Take(const Outcome& outcome) override;

  bool has_started() const { return has_started_; }  // once at least, and well

 private:
  SteadyClock::time_point After(SteadyClock::time_point then, Deed deed);
  const std::string& RandomChannel();
  void TakeOfStart(const Outcome& outcome);
  bool IsGood(const Outcome& outcome);
  void Count(Deed deed, bool good, std::string_view what, const Outcome& outcome);

  const std::string mac_;
  const std::vector<std::string>& channels_;
  const Rhythm rhythm_;
  std::mt19937_64 random_;
  BoxLog& log_;
  StartSequence sequence_;
  bool starting_ = true;
  bool has_started_ = false;
  SteadyClock::time_point start_due_;  // of the start's present step
  std::array<SteadyClock::time_point, kDeeds> due_;
  Deed deed_ = Deed::kStart;
  std::size_t phase_ = 0;  // of the present deed
  // Sizes of the answers of the first start: a list that is shorter now has lost channels.
  std::size_t list_size_ = 0, guide_size_ = 0;
};

}  // namespace holdfast::load
