// What billing tells other systems unasked: webhooks out, and the reminders among them.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "libs/base/clock.h"
#include "libs/base/deadline.h"
#include "libs/base/random.h"
#include "libs/config/knobs.h"
#include "services/billing/domain/dunning.h"
#include "services/billing/metrics.h"
#include "services/billing/store.h"

namespace holdfast::billing {

struct WebhookConfig {
  std::string url;  // empty: nobody is told, and nothing is written down for it
  std::string ca_file;
  std::string secret;
  std::chrono::milliseconds timeout = std::chrono::seconds(3);
  std::int64_t at_once = 8;

  void Describe(config::Knobs& k);
};

// Sends the events of the outbox (sql/0011_events.sql) until somebody takes them: any 2xx. Run it
// on one instance at a time; an event that is sent twice has one id. Each event is tried on its
// own, several at once, so one that is refused does not hold up the others, and they may arrive in
// another order. Not thread-safe: one job thread.
class EventSender {
 public:
  // What a receiver answers: an HTTP status, or why there was none. Thread-safe.
  using Post = std::function<absl::StatusOr<int>(Deadline, const std::string& body,
                                                 const std::string& signature)>;
  struct Parts {
    Store& store;
    Metrics& metrics;
    const Clock& clock;
    Random& random;
  };
  EventSender(const Parts& parts, const WebhookConfig& config, Post post)
      : parts_(parts), config_(config), post_(std::move(post)) {}

  absl::Status Run(Deadline deadline);

 private:
  // How many were taken. What was sent is known to the database before the next ones are.
  absl::StatusOr<std::size_t> Send(std::span<const StoredEvent> together, Deadline deadline);
  StoredEvent After(const StoredEvent& event, const absl::StatusOr<int>& answer, WallTime now);

  const Parts parts_;
  const WebhookConfig config_;
  const Post post_;
};
// The Post of production. INVALID_ARGUMENT names the setting at fault.
absl::StatusOr<EventSender::Post> PostTo(const WebhookConfig& config);

// Tells of each unpaid invoice, step by step. Safe on two instances: a step is told once.
class DunningJob {
 public:
  DunningJob(Store& store, Metrics& metrics, DunningSchedule schedule)
      : store_(store), metrics_(metrics), schedule_(std::move(schedule)) {}

  absl::Status RunFor(sys_days today, Deadline deadline);

 private:
  Store& store_;
  Metrics& metrics_;
  const DunningSchedule schedule_;
};

}  // namespace holdfast::billing
