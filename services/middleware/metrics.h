// Everything the portal measures beyond what libs/http, rpc, storage and replica already count.
#pragma once

#include <string_view>

#include "libs/telemetry/metrics.h"

namespace holdfast::middleware {

// Handles of a family whose label values are known, looked up once.
struct ZapCounters {
  explicit ZapCounters(const telemetry::CounterFamily& family)
      : ok(family.With({"ok"})),
        denied(family.With({"access_denied"})),
        unknown_channel(family.With({"nothing_to_play"})),
        limit(family.With({"limit"})),
        no_edge(family.With({"link_fault"})) {}

  telemetry::Counter ok, denied, unknown_channel, limit, no_edge;
};

struct CatchUpCounters {
  explicit CatchUpCounters(const telemetry::CounterFamily& family)
      : ok(family.With({"ok"})),
        denied(family.With({"access_denied"})),
        not_kept(family.With({"not_kept"})),
        unknown(family.With({"unknown_programme"})),
        limit(family.With({"limit"})),
        no_edge(family.With({"link_fault"})) {}

  telemetry::Counter ok, denied, not_kept, unknown, limit, no_edge;
};

struct Metrics {
  explicit Metrics(telemetry::Metrics& m)
      : zaps(m.CounterFamily("holdfast_middleware_zaps_total",
                             "Stream links asked for, by what the box was told.", {"result"})),
        catch_up_links(m.CounterFamily("holdfast_middleware_catch_up_links_total",
                                       "Catch-up and time shift links asked for, by what the box "
                                       "was told.",
                                       {"result"})),
        film_links(m.CounterFamily("holdfast_middleware_film_links_total",
                                   "Links to films and episodes asked for, by what the box was "
                                   "told.",
                                   {"result"})),
        claims(m.Counter("holdfast_middleware_claims_total",
                         "Complaints of viewers about a channel or film.")),
        degraded_answers(m.CounterFamily("holdfast_middleware_degraded_answers_total",
                                         "Answers made from data older than they should be.",
                                         {"neighbour", "call"})),
        answers(m.CounterFamily("holdfast_middleware_portal_answers_total",
                                "Portal calls by what the box was told.", {"outcome"})),
        answered(answers.With({"ok"})),
        refused(answers.With({"refused"})),
        unauthorized(answers.With({"unauthorized"})),
        authorization_failed(answers.With({"authorization_failed"})),
        access_denied(answers.With({"access_denied"})),
        unknown_action(answers.With({"unknown_action"})),
        busy(answers.With({"busy"})),
        sessions_started(m.Counter("holdfast_middleware_sessions_started_total",
                                   "Boxes that loaded their profile.")),
        sessions_replaced(m.Counter("holdfast_middleware_sessions_replaced_total",
                                    "Boxes that loaded their profile with a newer token than the "
                                    "one before: a restart without memory, or a second box.")),
        registrations(m.Counter("holdfast_middleware_devices_registered_total",
                                "Boxes that were seen for the first time and stored.")),
        lineup_imports(m.Counter("holdfast_middleware_lineup_imports_total",
                                 "Lineup imports that were applied.")),
        logins(m.CounterFamily("holdfast_middleware_logins_total", "Logins on boxes.", {"result"})),
        devices(m.Gauge("holdfast_middleware_devices", "Devices known to this instance.")),
        channels(m.Gauge("holdfast_middleware_channels",
                         "Channels of the lineup that this instance serves.")) {}

  ZapCounters zaps;
  CatchUpCounters catch_up_links;
  telemetry::CounterFamily film_links;
  telemetry::Counter claims;
  telemetry::CounterFamily degraded_answers;
  telemetry::CounterFamily answers;
  telemetry::Counter answered, refused, unauthorized, authorization_failed, access_denied,
      unknown_action, busy;
  telemetry::Counter sessions_started;
  telemetry::Counter sessions_replaced;
  telemetry::Counter registrations;
  telemetry::Counter lineup_imports;
  telemetry::CounterFamily logins;
  telemetry::Gauge devices;
  telemetry::Gauge channels;
};

}  // namespace holdfast::middleware
