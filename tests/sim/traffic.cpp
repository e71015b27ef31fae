#include "tests/sim/traffic.h"

#include "tests/sim/process.h"

namespace holdfast::sim {

std::size_t Traffic::Add(const Stream& stream) {
  flows_.push_back({stream});
  AskForNext(flows_.size() - 1);
  return flows_.size() - 1;
}

void Traffic::SetRate(std::size_t index, double per_second) {
  flows_[index].stream.per_second = per_second;
  ++flows_[index].version;
  AskForNext(index);
}

void Traffic::Act(std::uint32_t version, std::uint64_t index) {
  if (version != flows_[index].version) return;
  AskForNext(index);
  Start(flows_[index].stream);
}

void Traffic::AskForNext(std::size_t index) {
  const Flow& flow = flows_[index];
  if (flow.stream.per_second <= 0) return;
  const Duration mean(static_cast<std::int64_t>(1e9 / flow.stream.per_second));
  world_.timeline.In(world_.dice.Exponential(mean), *this, flow.version, index);
}

void Traffic::Start(const Stream& stream) {
  const std::vector<std::size_t>& processes = world_.of(stream.from);
  for (int looks = 0; looks < 8; ++looks) {
    Process& process = world_.process(processes[world_.dice.Below(processes.size())]);
    if (process.life() != Process::Life::kRunning || !process.Calls(stream.to)) continue;
    return process.caller(stream.to).Start(
        {.method = stream.method,
         .criticality = stream.criticality,
         .deadline = Deadline::After(stream.deadline, process.clock())});
  }
}

}  // namespace holdfast::sim
