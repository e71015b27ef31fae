#include "libs/rpc/peer_options.h"

#include <limits>

#include "libs/base/status.h"

namespace holdfast::rpc {

namespace {

using namespace std::chrono_literals;

constexpr config::Bounds<double> kShare = {.min = 0, .max = 1};

void DescribeCall(PeerOptions& o, config::Knobs& k) {
  k.Duration("timeout", o.timeout, {.min = 1ms, .max = 1h},
             "Longest whole call, retries included.");
  k.Duration(
      "try_timeout", o.try_timeout, {.min = 1ms, .max = 1h},
      "An instance that is silent for so long, and for twice what 95 % of the tries take, gets "
      "company: another one is asked too.");
  k.Duration(
      "deadline_margin", o.deadline_margin, {.min = 0ms, .max = 1s},
      "Kept back from the time that a caller has left, so that it can still use the answer.");
  k.Int("max_in_flight", o.max_in_flight, {.min = 1, .max = 100000},
        "Calls and streams under way at once; more are refused here, less important ones sooner.");
  k.Int("max_tries", o.max_tries, {.min = 1, .max = 3},
        "Tries of one call, each on another instance. 1: no retries, no hedges.");
  k.Real("retry_share", o.retry_share, kShare, "Retries per call, over the window.");
  k.Real("retry_min_per_second", o.retry_min_per_second, {.min = 0, .max = 100000},
         "Retries a second that are allowed whatever the traffic.");
  k.Duration("retry_window", o.retry_window, {.min = 1s, .max = 5min},
             "Seconds of traffic that retries and hedges are measured by.");
  k.Duration(
      "retry_pause", o.retry_pause, {.min = 0ms, .max = 10s},
      "Longest pause before the first retry, doubled for the second; a random part is taken.");
  k.Real("hedge_share", o.hedge_share, kShare,
         "Hedges per call of a method marked hedged, over the window. 0: none.");
  k.Duration("hedge_after_at_least", o.hedge_after_at_least, {.min = 0ms, .max = 10s},
             "A hedge is sent when a call takes longer than 95 % of them do, and than this.");
}

void DescribeNeighbourBreaker(PeerOptions& o, config::Knobs& k) {
  k.Int("failures_to_open", o.failures_to_open, {.min = 0, .max = 1000},
        "Calls in a row that no instance answered, until calls fail at once. 0: never for that.");
  k.Real("failure_ratio", o.failure_ratio, kShare,
         "Share of such calls in the window until calls fail at once. 0: never for that.");
  k.Duration("slow_call", o.slow_call, {.min = 0ms, .max = 1h},
             "A call that took so long counts as slow. 0: none does.");
  k.Real("slow_ratio", o.slow_ratio, kShare,
         "Share of slow calls in the window until calls fail at once. 0: never for that.");
  k.Int("min_calls", o.min_calls, {.min = 1, .max = 100000},
        "Calls in the window before a share says anything.");
  k.Duration("breaker_window", o.breaker_window, {.min = 100ms, .max = 10min},
             "What the shares are of; also for the instances.");
  k.Duration("open_for", o.open_for, {.min = 10ms, .max = 5min},
             "How long calls then fail before one is tried again.");
  k.Duration("open_for_max", o.open_for_max, {.min = 0ms, .max = 1h},
             "open_for doubles with every failed return, up to this. 0: it does not.");
  k.Int("probes_to_close", o.probes_to_close, {.min = 1, .max = 100},
        "Good calls after that wait until all calls are let through again; so many are let through "
        "together meanwhile.");
}

void DescribeInstances(PeerOptions& o, config::Knobs& k) {
  k.Int("instance_failures_to_open", o.instance_failures_to_open, {.min = 0, .max = 1000},
        "Failures in a row until an instance is ejected. 0: never for that.");
  k.Real("instance_failure_ratio", o.instance_failure_ratio, kShare,
         "Share of failures in the window until it is ejected. 0: never for that.");
  k.Real("instance_slow_factor", o.instance_slow_factor, {.min = 1, .max = 1000},
         "A try is slow when it took so many times the usual time of its method.");
  k.Duration("instance_slow_call", o.instance_slow_call, {.min = 0ms, .max = 1h},
             "No try is slow that took less than this.");
  k.Real("instance_slow_ratio", o.instance_slow_ratio, kShare,
         "Share of slow tries in the window until an instance is ejected. 0: never for that.");
  k.Int("instance_min_calls", o.instance_min_calls, {.min = 1, .max = 100000},
        "Tries in the window before a share says anything.");
  k.Duration("instance_slow_row", o.instance_slow_row, {.min = 0ms, .max = 1min},
             "An instance whose tries are slow for so long, while those on others are not, is "
             "ejected. 0: never for that.");
  k.Duration("instance_open_for", o.instance_open_for, {.min = 10ms, .max = 5min},
             "How long an ejected instance waits for its first canary.");
  k.Duration("instance_open_for_max", o.instance_open_for_max, {.min = 0ms, .max = 1h},
             "instance_open_for doubles with every failed canary, up to this. 0: it does not.");
  k.Int("instance_probes_to_close", o.instance_probes_to_close, {.min = 1, .max = 100},
        "Good canaries until an ejected instance gets calls again.");
  k.Duration("instance_canary_patience", o.instance_canary_patience, {.min = 0ms, .max = 10min},
             "After this, on top of its wait, an ejected instance that could be shown no copy of a "
             "read gets a real call.");
  k.Real("max_ejected", o.max_ejected, kShare,
         "Share of the instances that breakers may eject, rounded up; never all.");
  k.Real("panic_below", o.panic_below, kShare,
         "With fewer usable instances than this share, rounded down, health is ignored.");
  k.Real("zone_factor", o.zone_factor, {.min = 0, .max = 100},
         "The own zone takes its healthy capacity times this. 0: zones do not matter.");
  k.Duration("slow_start", o.slow_start, {.min = 1ms, .max = 10min},
             "How long a returned instance takes to reach its full share.");
  k.Duration("latency_memory", o.latency_memory, {.min = 10ms, .max = 10min},
             "After this a peak of an instance's latency weighs a third.");
  k.Duration(
      "probe_interval", o.probe_interval, {.min = 10ms, .max = 1min},
      "From one health probe of an instance to the next, and how long one may take; a second "
      "look after a missed one may take half of it.");
  k.Int("probes_to_fail", o.probes_to_fail, {.min = 1, .max = 100},
        "Failed probes in a row until an instance is down.");
  k.Int("probes_to_admit", o.probes_to_admit, {.min = 1, .max = 100},
        "Good probes in a row until a down instance is up.");
}

}  // namespace

void PeerOptions::Describe(config::Knobs& k) {
  DescribeCall(*this, k);
  DescribeNeighbourBreaker(*this, k);
  DescribeInstances(*this, k);
}

std::string Show(const PeerOptions& options) {
  PeerOptions copy = options;
  config::Knobs knobs("neighbour");
  copy.Describe(knobs);
  return knobs.Dump();
}

namespace {

struct Contradiction {
  bool (*holds)(const PeerOptions&);
  std::string_view what;
};

// A longest wait of 0 means that the wait does not grow.
constexpr Contradiction kContradictions[] = {
    {[](const PeerOptions& o) { return o.try_timeout > o.timeout; },
     "try_timeout is longer than timeout"},
    {[](const PeerOptions& o) { return o.deadline_margin >= o.timeout; },
     "deadline_margin leaves nothing of timeout"},
    {[](const PeerOptions& o) { return o.open_for_max.count() > 0 && o.open_for_max < o.open_for; },
     "open_for_max is shorter than open_for"},
    {[](const PeerOptions& o) {
       return o.instance_open_for_max.count() > 0 && o.instance_open_for_max < o.instance_open_for;
     },
     "instance_open_for_max is shorter than instance_open_for"},
};

}  // namespace

std::string ContradictionIn(const PeerOptions& options) {
  for (const Contradiction& contradiction : kContradictions) {
    if (contradiction.holds(options)) return std::string(contradiction.what);
  }
  return "";
}

absl::Status Change(PeerOptions& options, const std::vector<std::string>& assignments) {
  PeerOptions changed = options;
  config::Knobs knobs("neighbour");
  changed.Describe(knobs);
  std::vector<std::string> arguments;
  for (const std::string& assignment : assignments) {
    if (assignment.find('=') == std::string::npos) {
      return InvalidArgument("'{}' is not name=value", assignment);
    }
    arguments.push_back("--" + assignment);
  }
  HOLDFAST_RETURN_IF_ERROR(knobs.Parse(arguments, {}));
  for (const Contradiction& contradiction : kContradictions) {
    // One that was there before is no reason to refuse what has nothing to do with it.
    if (!contradiction.holds(changed) || contradiction.holds(options)) continue;
    return InvalidArgument("{}", contradiction.what);
  }
  options = changed;
  return absl::OkStatus();
}

CircuitBreaker::Options NeighbourBreakerOptions(const PeerOptions& options) {
  return {.failures_to_open = static_cast<int>(options.failures_to_open),
          .failure_ratio = options.failure_ratio,
          .slow_ratio = options.slow_ratio,
          .min_calls = static_cast<int>(options.min_calls),
          .window = options.breaker_window,
          .probes_to_close = static_cast<int>(options.probes_to_close),
          .open_for = options.open_for,
          .open_for_max = options.open_for_max};
}

Peer::Options InstanceOptions(const PeerOptions& options) {
  Peer::Options instance;
  instance.probes_to_fail = static_cast<int>(options.probes_to_fail);
  instance.probes_to_admit = static_cast<int>(options.probes_to_admit);
  instance.breaker = {.failures_to_open = static_cast<int>(options.instance_failures_to_open),
                      .failure_ratio = options.instance_failure_ratio,
                      .slow_ratio = options.instance_slow_ratio,
                      .min_calls = static_cast<int>(options.instance_min_calls),
                      .window = options.breaker_window,
                      .probes_to_close = static_cast<int>(options.instance_probes_to_close),
                      .open_for = options.instance_open_for,
                      .open_for_max = options.instance_open_for_max};
  instance.slow_row = options.instance_slow_row;
  instance.canary_patience = options.instance_canary_patience;
  instance.latency_memory = options.latency_memory;
  instance.slow_start = options.slow_start;
  return instance;
}

RetryBudget::Options RetryOptions(const PeerOptions& options) {
  return {.share = options.retry_share,
          .min_per_second = options.retry_min_per_second,
          .window = options.retry_window};
}

RetryBudget::Options HedgeOptions(const PeerOptions& options) {
  return {.share = options.hedge_share, .min_per_second = 0, .window = options.retry_window};
}

PickOptions ChoiceOptions(const PeerOptions& options) {
  return {.zone_factor = options.zone_factor,
          .panic_below = options.panic_below,
          .max_ejected = options.max_ejected};
}

}  // namespace holdfast::rpc
