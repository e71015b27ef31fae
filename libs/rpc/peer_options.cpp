#include "libs/rpc/channel.h"

namespace holdfast::rpc {

void PeerOptions::Describe(config::Knobs& k) {
  using namespace std::chrono_literals;
  k.Duration("timeout", timeout, {.min = 1ms, .max = 1h}, "Longest whole call, retries included.");
  k.Duration("try_timeout", try_timeout, {.min = 1ms, .max = 1h},
             "Longest try while another instance could still be asked.");
  k.Int("max_in_flight", max_in_flight, {.min = 1, .max = 100000},
        "Calls under way at once; more are refused here.");
  k.Int("failures_to_open", failures_to_open, {.min = 1, .max = 1000},
        "Calls in a row that no instance answered, until calls fail at once.");
  k.Duration("open_for", open_for, {.min = 10ms, .max = 5min},
             "How long calls then fail before one is tried again.");
  k.Duration("probe_interval", probe_interval, {.min = 10ms, .max = 1min},
             "Pause between two health probes of an instance, and how long one may take.");
}

}  // namespace holdfast::rpc
