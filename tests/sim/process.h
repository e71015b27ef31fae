// One process of one service: alive or not, serving, calling.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "libs/discovery/directory.h"
#include "tests/sim/caller.h"
#include "tests/sim/own_clock.h"
#include "tests/sim/server.h"
#include "tests/sim/world.h"

namespace holdfast::sim {

//            Start             Crash (somebody restarts it: Start)
//   kDead ----------> kRunning --------> kDead      the machine refuses connections
//                      |    ^
//               Freeze |    | Thaw: everything that waited happens at once
//                      v    |
//                     kFrozen                       SIGSTOP, a paused machine
//   any --GoDark--> kDark --Start--> kRunning       the machine has gone without a word
class Process final : public Actor {
 public:
  enum class Life { kDead, kRunning, kFrozen, kDark };

  Process(World& world, std::size_t index, std::size_t service, int zone);

  void StartWithTheWorld();
  // Begins to serve after `boot`, and says so to discovery. Nothing happens if it runs.
  void Start(Duration boot);
  void Crash();
  // At some moment within the time, to be started `away` later.
  void CrashLater(Duration within, Duration away);
  void GoDark();
  void Freeze();
  void Thaw();
  // Says NOT_SERVING, serves on for `announce`, then refuses, ends when nothing is under way.
  void Drain(Duration announce, Duration until_start);
  // The machine under it stops for so long and its steady clock with it: it is not late when it
  // goes on, all others are early.
  void Suspend(Duration time);

  // True: the process is frozen, and the event will happen when it thaws.
  bool PutOff(Actor& actor, std::uint32_t what, std::uint64_t with);

  void Learn(std::size_t service);   // discovery has told of a change
  void HungUp(std::size_t process);  // a connection has broken
  void Act(std::uint32_t what, std::uint64_t with) override;

  std::size_t index() const { return index_; }
  std::size_t service() const { return service_; }
  int zone() const { return zone_; }
  std::string_view zone_name() const { return instance_.zone; }
  Place place() const { return {.node = index_, .zone = zone_}; }
  const discovery::Instance& instance() const { return instance_; }
  OwnClock& clock() { return clock_; }
  const OwnClock& clock() const { return clock_; }
  Life life() const { return life_; }
  bool leaving() const { return leaving_; }
  bool closed() const { return closed_; }
  bool registered() const { return life_ == Life::kRunning && !leaving_; }
  std::uint32_t incarnation() const { return incarnation_; }
  bool Calls(std::size_t service) const { return callers_[service] != nullptr; }
  // How many instances of the service it would call now.
  std::size_t Uses(std::size_t service) const;
  Server& server() { return server_; }
  Caller& caller(std::size_t service) { return *callers_[service]; }

 private:
  enum What : std::uint32_t { kBooted, kClosed, kCrash, kResume };

  struct PutOffEvent {
    Actor* actor;
    std::uint32_t what;
    std::uint64_t with;
  };

  void Booted();
  void End();
  bool Owns(const Actor& actor) const;

  World& world_;
  const std::size_t index_;
  const std::size_t service_;
  const int zone_;
  discovery::Instance instance_;
  OwnClock clock_;
  Life life_ = Life::kDead;
  bool leaving_ = false;
  bool closed_ = false;
  Duration until_start_ = {};
  Duration suspended_ = {};
  std::uint32_t incarnation_ = 0;
  Server server_;
  std::vector<std::unique_ptr<Caller>> callers_;       // by service; null: not called, or dead
  std::vector<std::unique_ptr<Caller>> dead_callers_;  // events may still name them
  std::vector<PutOffEvent> put_off_;
};

}  // namespace holdfast::sim
