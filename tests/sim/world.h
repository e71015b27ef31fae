// The simulated plant: every process of every service, the network between them, and what they say
// to each other.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "libs/rpc/call_rules.h"
#include "tests/sim/dice.h"
#include "tests/sim/directory.h"
#include "tests/sim/network.h"
#include "tests/sim/recorder.h"
#include "tests/sim/slab.h"
#include "tests/sim/spec.h"
#include "tests/sim/timeline.h"

namespace holdfast::sim {

class Process;
class World;

// Who sent a request and gets its answer. Outlives the request.
class Sender {
 public:
  // `request` is freed afterwards.
  virtual void Answered(Handle request) = 0;

 protected:
  ~Sender() = default;
};

inline constexpr std::size_t kOutside = ~std::size_t{0};  // no process of ours: a set-top box

// One try on its way, being served, or on its way back.
struct Request {
  Sender* sender = nullptr;
  Handle token = kNothing;  // the sender's
  std::size_t from = kOutside;
  std::size_t to = 0;
  std::size_t method = 0;
  Criticality criticality = Criticality::kInteractive;
  std::uint64_t who = 0;     // the box, or the call
  Duration wanted_for = {};  // from when it arrives, as gRPC counts: clocks differ
  SteadyTime wanted_until;   // by the clock of its server, as is the next
  SteadyTime started;        // its handler
  bool cancelled = false;
  bool degraded = false;
  std::size_t next_need = 0;
  std::size_t place = 0;  // among those that its server holds
  absl::StatusCode code = absl::StatusCode::kOk;
  rpc::Origin origin = rpc::Origin::kHandler;
  std::optional<Duration> pushback;  // it wants to be left alone for so long
};

// Carries requests to processes and answers back. What a cut swallows is freed without a word.
class Post final : public Actor {
 public:
  explicit Post(World& world) : world_(world) {}

  Handle Send(const Request& request);  // kNothing: lost at once
  void Answer(Handle request, absl::StatusCode code, rpc::Origin origin);
  // The kernel of a machine tells everybody that one of its processes has died.
  void Hangup(std::size_t dead);

  void Act(std::uint32_t what, std::uint64_t with) override;

 private:
  enum What : std::uint32_t { kArrive, kDeliver, kHungUp };
  void Arrive(Handle handle);
  void Deliver(Handle handle);
  Place PlaceOf(std::size_t process) const;

  World& world_;
};

class World {
 public:
  World(std::vector<ServiceSpec> services, std::uint64_t seed,
        const Network::Options& network_options = {});
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  void RunFor(Duration time) { timeline.RunFor(time); }
  const ServiceSpec& spec(std::size_t service) const { return services[service]; }
  Process& process(std::size_t index) { return *processes[index]; }
  const Process& process(std::size_t index) const { return *processes[index]; }
  const std::vector<std::size_t>& of(std::size_t service) const { return by_service[service]; }
  std::size_t ProcessAt(std::string_view address) const;  // kOutside: nobody

  const std::vector<ServiceSpec> services;
  Timeline timeline;
  Dice dice;
  Network network;
  Recorder recorder;
  Slab<Request> requests;
  Post post;
  Directory directory;
  std::vector<std::unique_ptr<Process>> processes;
  std::vector<std::vector<std::size_t>> by_service;  // indexes of processes, all zones
};

}  // namespace holdfast::sim
