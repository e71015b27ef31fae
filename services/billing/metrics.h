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
                           "What the renewal job charged or tried to charge.")),
        parked(m.Gauge("holdfast_billing_parked_accounts",
                       "Accounts that the jobs leave alone until a person has looked at them.")),
        attempts_stuck(
            m.Gauge("holdfast_billing_payment_attempts_stuck",
                    "Attempts to collect money, and refunds, whose end is unknown for a day.")),
        feed_revision(m.Gauge("holdfast_billing_feed_revision",
                              "Last entitlement revision that this instance published.")),
        degraded_answers(m.CounterFamily("holdfast_billing_degraded_answers_total",
                                         "Answers from an older copy, by who was away.",
                                         {"neighbour", "call"})),
        gateway_answers(m.CounterFamily(
            "holdfast_billing_gateway_answers_total",
            "What the payment gateway was asked: answered, unknown (no or no usable answer), or "
            "unbelievable.",
            {"result"})),
        webhooks_in(m.CounterFamily("holdfast_billing_webhooks_in_total",
                                    "The gateway's webhooks: taken, not_signed or refused.",
                                    {"result"})),
        webhooks_out(m.CounterFamily("holdfast_billing_webhooks_out_total",
                                     "Tries to tell others: taken, retried or given_up.",
                                     {"result"})),
        collections(m.CounterFamily(
            "holdfast_billing_collections_total",
            "Attempts to collect what is due without being asked, by what came of them at once: "
            "paid, declined, pending or unknown.",
            {"result"})),
        dunning_notices(
            m.Counter("holdfast_billing_dunning_notices_total", "Reminders of unpaid invoices.")),
        books_unbalanced(m.Gauge("holdfast_billing_books_unbalanced",
                                 "What the last verification of the books found wrong.")),
        books_verified(m.Gauge("holdfast_billing_books_verified_timestamp_seconds",
                               "When this instance last verified the books.")) {}

  telemetry::CounterFamily logins;
  telemetry::CounterFamily lapsed;
  telemetry::Counter renewals;
  telemetry::Gauge parked;
  telemetry::Gauge attempts_stuck;
  telemetry::Gauge feed_revision;
  telemetry::CounterFamily degraded_answers;
  telemetry::CounterFamily gateway_answers;
  telemetry::CounterFamily webhooks_in;
  telemetry::CounterFamily webhooks_out;
  telemetry::CounterFamily collections;
  telemetry::Counter dunning_notices;
  telemetry::Gauge books_unbalanced;
  telemetry::Gauge books_verified;
};

}  // namespace holdfast::billing
