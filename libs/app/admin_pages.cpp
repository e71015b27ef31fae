#include "libs/app/admin_pages.h"

#include <memory>

namespace holdfast::app {
namespace {

http::Response Page(std::string text) { return http::Response::Text(200, std::move(text)); }

http::Response Readiness(const AdminSources& sources) {
  if (sources.draining()) return http::Response::Text(503, "draining\n");
  std::string missing;
  for (const ReadyCondition& condition : sources.ready_conditions) {
    if (!condition.holds()) missing += "not ready: " + condition.what + "\n";
  }
  if (!missing.empty()) return http::Response::Text(503, std::move(missing));
  return Page("ready\n");
}

http::Response Scrape(const AdminSources& sources) {
  sources.before_scrape();
  http::Response response = Page(sources.metrics.Scrape());
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  return response;
}

}  // namespace

void AddAdminPages(http::Router& router, const AdminSources& given) {
  const auto sources = std::make_shared<const AdminSources>(given);
  const auto add = [&](std::string_view path, auto make) {
    router.Get(path,
               http::Inline([sources, make](const http::Request&) { return make(*sources); }));
  };
  add("/", [](const AdminSources&) {
    return Page(
        "/metrics\n/livez\n/readyz\n/config\n/dependencies\n/debug/neighbours\n"
        "/neighbours/{service}/knobs\n/faults\n");
  });
  add("/livez", [](const AdminSources&) { return Page("alive\n"); });
  add("/readyz", Readiness);
  add("/metrics", Scrape);
  add("/config", [](const AdminSources& s) { return Page(s.config()); });
  add("/dependencies", [](const AdminSources& s) { return Page(s.dependencies()); });
}

}  // namespace holdfast::app
