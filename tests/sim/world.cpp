#include "tests/sim/world.h"

#include <charconv>
#include <utility>

#include "tests/sim/process.h"

namespace holdfast::sim {

Handle Post::Send(const Request& request) {
  const Place to = PlaceOf(request.to);
  const Place from =
      request.from == kOutside ? Place{.node = to.node, .zone = to.zone} : PlaceOf(request.from);
  const std::optional<Duration> travel = world_.network.Travel(from, to);
  if (!travel) return kNothing;
  const Handle handle = world_.requests.Make();
  *world_.requests.Find(handle) = request;
  world_.timeline.In(*travel, *this, kArrive, handle);
  return handle;
}

void Post::Answer(Handle handle, absl::StatusCode code, rpc::Origin origin) {
  Request& request = *world_.requests.Find(handle);
  request.code = code;
  request.origin = origin;
  const Place from = PlaceOf(request.to);
  const Place to = request.from == kOutside ? from : PlaceOf(request.from);
  const std::optional<Duration> travel = world_.network.Travel(from, to);
  if (!travel) return world_.requests.Free(handle);
  world_.timeline.In(*travel, *this, kDeliver, handle);
}

void Post::Hangup(std::size_t dead) {
  for (const auto& process : world_.processes) {
    if (!process->Calls(world_.process(dead).service())) continue;
    const auto travel = world_.network.Travel(PlaceOf(dead), PlaceOf(process->index()));
    if (!travel) continue;
    world_.timeline.In(*travel, *this, kHungUp, std::uint64_t{process->index()} << 32 | dead);
  }
}

void Post::Act(std::uint32_t what, std::uint64_t with) {
  switch (static_cast<What>(what)) {
    case kArrive:
      return Arrive(with);
    case kDeliver:
      return Deliver(with);
    case kHungUp: {
      Process& process = world_.process(with >> 32);
      if (process.PutOff(*this, what, with)) return;
      return process.HungUp(static_cast<std::uint32_t>(with));
    }
  }
}

void Post::Arrive(Handle handle) {
  Request& request = *world_.requests.Find(handle);
  Process& process = world_.process(request.to);
  switch (process.life()) {
    case Process::Life::kRunning:
      return process.server().Arrive(handle);
    case Process::Life::kFrozen:
      return static_cast<void>(process.PutOff(*this, kArrive, handle));
    case Process::Life::kDead:
      return Answer(handle, absl::StatusCode::kUnavailable, rpc::Origin::kTransport);
    case Process::Life::kDark:
      return world_.requests.Free(handle);
  }
}

void Post::Deliver(Handle handle) {
  const Request& request = *world_.requests.Find(handle);
  if (request.from != kOutside && world_.process(request.from).PutOff(*this, kDeliver, handle)) {
    return;
  }
  request.sender->Answered(handle);
  world_.requests.Free(handle);
}

Place Post::PlaceOf(std::size_t process) const { return world_.process(process).place(); }

World::World(std::vector<ServiceSpec> specs, std::uint64_t seed,
             const Network::Options& network_options)
    : services(std::move(specs)),
      dice(seed),
      network(network_options, dice),
      recorder(timeline),
      post(*this),
      directory(*this, services.size()),
      by_service(services.size()) {
  for (std::size_t service = 0; service < services.size(); ++service) {
    for (int i = 0; i < services[service].per_zone * kZones; ++i) {
      by_service[service].push_back(processes.size());
      processes.push_back(std::make_unique<Process>(*this, processes.size(), service, i % kZones));
    }
  }
  directory.StartWithTheWorld();
  for (const auto& process : processes) process->StartWithTheWorld();
}

World::~World() = default;

std::size_t World::ProcessAt(std::string_view address) const {
  std::size_t index = 0;
  const auto* end = address.data() + address.size();
  const auto [rest, error] = std::from_chars(address.data(), end, index);
  return error == std::errc() && rest == end && index < processes.size() ? index : kOutside;
}

}  // namespace holdfast::sim
