// Set-top boxes: what they ask at start, while somebody watches, and what they do when it fails.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "tests/sim/front_door.h"
#include "tests/sim/recorder.h"

namespace holdfast::sim {

// What a box asks the portal.
enum class BoxCall : std::uint8_t {
  kHandshake,
  kGetProfile,
  kGetLocalization,
  kGetModules,
  kGetAllChannels,
  kGetGenres,
  kGetOrderedList,
  kGetFavourites,
  kGetEpg,
  kGetEvents,
  kCreateLink,
  kLog,
};
inline constexpr std::size_t kBoxCalls = 12;

// Real clients have no jitter and little patience:
//   - handshake or profile failed: both again after 5 s, five times, then never until restarted
//   - channels or genres failed: an empty list for the whole session, they are not asked again
//   - guide failed: again after 5 s, five times
//   - a link failed: the picture stops; the viewer zaps again
//   - a heartbeat failed: nothing
// Three boxes of ten are Kodi, the others MAG. A heartbeat comes every 120 s; a viewer changes
// channel every quarter of an hour and then surfs: three more zaps on average, seconds apart.
class Boxes final : public Actor, public FrontDoor::Outsider {
 public:
  struct Seen {
    std::array<Tally, kBoxCalls> asked;
    TimeHistogram link_times;       // until a zap is answered
    std::uint64_t gave_up = 0;      // boxes that stopped trying to start
    std::uint64_t empty_lists = 0;  // sessions without channels
    std::uint64_t started = 0;      // boxes that came to a picture

    Tally zaps() const { return asked[static_cast<std::size_t>(BoxCall::kCreateLink)]; }
    Tally all() const;
  };

  Boxes(World& world, std::size_t portal, std::uint32_t count);

  // All of them watch already, somewhere in their rhythm.
  void Watch();
  // All are switched on, each at some moment within that time.
  void SwitchOn(Duration within);

  Seen Look();
  std::uint32_t watching() const;

  void Answered(const FrontDoor::Question& question, absl::StatusCode code) override;
  void Act(std::uint32_t what, std::uint64_t with) override;

  // Methods of the portal, in the order of BoxCall. `billing`: a profile is asked of it with that
  // chance; the guide of `epg` likewise.
  struct Needs {
    std::size_t billing;
    double profile_asks_billing;
    std::size_t epg;
    double guide_asks_epg;
  };
  static std::vector<MethodSpec> PortalMethods(const Needs& needs);
  static Criticality CriticalityOf(BoxCall call);

 private:
  enum What : std::uint32_t { kStep, kHeartbeat, kZap };
  enum class State : std::uint8_t { kOff, kStarting, kWatching, kGaveUp };
  struct Box {
    State state = State::kOff;
    bool kodi = false;
    std::uint8_t step = 0;    // of the start
    std::uint8_t failed = 0;  // times that this step has failed
    std::uint32_t epoch = 0;  // what was asked before it was switched off is void
    Duration zapped_at = {};
  };

  void Ask(std::uint32_t index, BoxCall call);
  void StartStep(std::uint32_t index);
  void StepAnswered(std::uint32_t index, BoxCall call, bool ok);
  void StepAgain(std::uint32_t index, std::uint8_t from_step);
  void BeginsToWatch(std::uint32_t index);
  void Zapped(std::uint32_t index, bool ok);
  void In(Duration wait, What what, std::uint32_t index);

  World& world_;
  FrontDoor door_;
  std::vector<Box> boxes_;
  Seen seen_;
};

}  // namespace holdfast::sim
