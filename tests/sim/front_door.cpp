#include "tests/sim/front_door.h"

#include <algorithm>

#include "tests/sim/process.h"

namespace holdfast::sim {

namespace {

using namespace std::chrono_literals;

constexpr Duration kCheckEvery = 1s;
constexpr Duration kPatience = 3s;      // with one portal
constexpr Duration kBoxPatience = 20s;  // of a box: what comes later is of no use to it

}  // namespace

FrontDoor::FrontDoor(World& world, std::size_t portal, Outsider& outsider)
    : world_(world), portal_(portal), outsider_(outsider) {
  Check();
}

void FrontDoor::Ask(const Question& question) {
  const Handle id = open_.Make();
  Open& open = *open_.Find(id);
  open.question = question;
  Try(id, open);
}

void FrontDoor::Try(Handle id, Open& open) {
  if (ready_.empty() || open.tries++ >= kMaxTries) {
    const Question question = open.question;
    open_.Free(id);
    return outsider_.Answered(question, absl::StatusCode::kUnavailable);
  }
  const std::uint32_t silent = kSilent | static_cast<std::uint32_t>(open.tries) << 8;
  world_.timeline.In(kPatience, *this, silent, id);
  open.request = world_.post.Send({.sender = this,
                                   .token = id,
                                   .to = ready_[world_.dice.Below(ready_.size())],
                                   .method = open.question.method,
                                   .criticality = open.question.criticality,
                                   .who = static_cast<std::uint32_t>(open.question.who),
                                   .wanted_for = kBoxPatience});
}

void FrontDoor::Answered(Handle handle) {
  const Request& request = *world_.requests.Find(handle);
  Open* open = open_.Find(request.token);
  if (open == nullptr || open->request != handle) return;
  const Handle id = request.token;
  if (request.origin == rpc::Origin::kTransport) {  // the connection was refused
    std::erase(ready_, request.to);
    return Try(id, *open);
  }
  const Question question = open->question;
  const absl::StatusCode code = request.code;
  open_.Free(id);
  outsider_.Answered(question, code);
}

void FrontDoor::Act(std::uint32_t what, std::uint64_t id) {
  if (what == kCheck) return Check();
  Open* open = open_.Find(id);
  if (open == nullptr || static_cast<std::uint32_t>(open->tries) != what >> 8) return;
  open->request = kNothing;
  Try(id, *open);
}

void FrontDoor::Check() {
  world_.timeline.In(kCheckEvery, *this, kCheck);
  ready_.clear();
  for (const std::size_t process : world_.of(portal_)) {
    const Process& portal = world_.process(process);
    if (portal.life() == Process::Life::kRunning && !portal.leaving()) ready_.push_back(process);
  }
}

}  // namespace holdfast::sim
