// What a Neighbour shows of itself: gauges, and its part of /debug/neighbours.

#include <fmt/format.h>

#include <algorithm>

#include "libs/base/status.h"
#include "libs/rpc/fault_plan.h"
#include "libs/rpc/neighbour.h"

namespace holdfast::rpc {

namespace {

using std::chrono::milliseconds;

double Milliseconds(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

std::string MethodLine(const CalledMethod& method) {
  const std::optional<Duration> median = method.usual->median();
  const std::optional<Duration> p95 = method.usual->p95();
  if (!median || !p95) return "";
  return fmt::format("  {}: usually {:.2f} ms, 95 % within {:.2f} ms{}\n", method.label,
                     Milliseconds(*median), Milliseconds(*p95), method.hedged ? ", hedged" : "");
}

}  // namespace

std::string Neighbour::Describe() const {
  const auto list = instances();
  const Standing standing = StandingOf(list->peers, ChoiceOptions(list->options));
  const CircuitBreaker::State state = breaker.state();
  std::string page = fmt::format(
      "{}: breaker {}, {} instances, {} usable, {} ejected, {} draining\n", service, Name(state),
      standing.instances, standing.usable, standing.ejected, standing.draining);
  if (!tls_status_.ok()) page += fmt::format("  {}\n", ToString(tls_status_));
  if (state != CircuitBreaker::State::kClosed) {
    page += fmt::format("  breaker: {}, looks again in {:.0f} ms\n", breaker.why(),
                        Milliseconds(breaker.refuses_for()));
  }
  if (standing.panic) page += "  PANIC: too few are usable, health is ignored for first tries\n";
  {
    absl::MutexLock lock(&mutex_);
    page += fmt::format("  calls: {} under way of {}; retries left {:.0f}, hedges left {:.0f}\n",
                        in_flight_.load(), list->options.max_in_flight, budget.left(),
                        hedge_budget.left());
    if (!last_failure_.ok()) page += "  last failed call: " + ToString(last_failure_) + "\n";
  }
  for (const Peer* peer : list->peers) page += "  " + peer->Describe() + "\n";
  return page + DescribeMethods();
}

std::string Neighbour::DescribeMethods() const {
  std::vector<std::string> lines;
  {
    absl::ReaderMutexLock lock(&methods_mutex_);
    for (const auto& [name, method] : methods_) lines.push_back(MethodLine(*method));
  }
  std::sort(lines.begin(), lines.end());
  std::string text;
  for (const std::string& line : lines) text += line;
  return text;
}

void Neighbour::ShowState() {
  if (faults != nullptr) faults->EndDue();
  const auto list = instances();
  const Standing standing = StandingOf(list->peers, ChoiceOptions(list->options));
  std::size_t down = 0;
  std::size_t unproven = 0;
  bool canary_wanted = false;
  for (const auto& instance : list->instances) instance->metrics.Show(instance->peer);
  for (const Peer* peer : list->peers) {
    canary_wanted = canary_wanted || peer->ejected_at() != SteadyTime::max();
    if (peer->health() == Peer::Health::kDown) ++down;
    if (peer->health() == Peer::Health::kUnproven) ++unproven;
  }
  canary_wanted_.store(canary_wanted, std::memory_order_relaxed);
  const auto show = [&](std::string_view what, std::size_t count) {
    metrics.instances.With({service, what}).Set(static_cast<double>(count));
  };
  show("up", standing.usable);
  show("ejected", standing.ejected);
  show("unproven", unproven);
  show("down", down);
  show("draining", standing.draining);
  metrics.panic.With({service}).Set(standing.panic ? 1 : 0);
  metrics.limit.With({service}).Set(static_cast<double>(list->options.max_in_flight));
  metrics.budget_left.With({service, "retry"}).Set(budget.left());
  metrics.budget_left.With({service, "hedge"}).Set(hedge_budget.left());
  in_flight_gauge_.Set(static_cast<double>(in_flight_.load(std::memory_order_relaxed)));
}

}  // namespace holdfast::rpc
