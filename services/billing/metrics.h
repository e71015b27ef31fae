// Everything billing measures beyond what libs/rpc, libs/storage and libs/replica already count.
#pragma once

#include "libs/telemetry/metrics.h"

namespace holdfast::billing {

struct Metrics {
  explicit Metrics(telemetry::Metrics& m)
      : logins(m.CounterFamily("holdfast_billing_logins_total",
                               "Checked logins: ok, wrong or closed.", {"result"})),
        lapsed(m.CounterFamily("holdfast_billing_subscriptions_lapsed_total",
                               "Subscriptions that the calendar moved, by their new state.",
                               {"state"})),
        renewals(m.Counter("holdfast_billing_renewals_total",
                           "Subscriptions that the renewal job looked at to charge them.")),
        feed_revision(m.Gauge("holdfast_billing_feed_revision",
                              "Last entitlement revision that this instance published.")),
        degraded_answers(m.CounterFamily("holdfast_billing_degraded_answers_total",
                                         "Answers from an older copy, by who was away.",
                                         {"neighbour", "call"})),
        books_unbalanced(m.Gauge("holdfast_billing_books_unbalanced",
                                 "What the last verification of the books found wrong.")),
        books_verified(m.Gauge("holdfast_billing_books_verified_timestamp_seconds",
                               "When this instance last verified the books.")) {}

  telemetry::CounterFamily logins;
  telemetry::CounterFamily lapsed;
  telemetry::Counter renewals;
  telemetry::Gauge feed_revision;
  telemetry::CounterFamily degraded_answers;
  telemetry::Gauge books_unbalanced;
  telemetry::Gauge books_verified;
};

}  // namespace holdfast::billing
