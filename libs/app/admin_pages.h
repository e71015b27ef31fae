// The pages that every program shows on its admin port.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libs/http/server.h"
#include "libs/telemetry/metrics.h"

namespace holdfast::app {

// Ready means: can serve something. `draining` wins over everything.
struct ReadyCondition {
  std::string what;  // "a lineup"
  std::function<bool()> holds;
};

// What the pages are made from. Functions are called on the admin port's thread: they must be
// quick and must not block.
struct AdminSources {
  telemetry::Metrics& metrics;
  std::function<void()> before_scrape;
  std::function<bool()> draining;
  const std::vector<ReadyCondition>& ready_conditions;
  std::function<std::string()> config;
  std::function<std::string()> dependencies;
};

// Adds /metrics /livez /readyz /config /dependencies and an index at /. What `sources` refers to
// must outlive the server.
void AddAdminPages(http::Router& router, const AdminSources& sources);

}  // namespace holdfast::app
