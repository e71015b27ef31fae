#include "libs/http/route_table.h"

#include <algorithm>

#include "libs/base/check.h"
#include "libs/base/encoding.h"

namespace holdfast::http {
namespace {

// The first segment of a path that starts with '/', and what follows (starting with '/', or empty).
std::string_view TakeSegment(std::string_view& path) {
  path.remove_prefix(1);
  const std::size_t end = std::min(path.find('/'), path.size());
  const std::string_view segment = path.substr(0, end);
  path.remove_prefix(end);
  return segment;
}

bool IsCapture(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

}  // namespace

std::string DecodePath(std::string_view text) {
  if (text.find('%') == std::string_view::npos) return std::string(text);
  std::string decoded;
  while (true) {
    const std::size_t plus = text.find('+');
    decoded += PercentDecode(text.substr(0, plus));
    if (plus == std::string_view::npos) return decoded;
    decoded.push_back('+');
    text.remove_prefix(plus + 1);
  }
}

RouteMetrics::RouteMetrics(std::string_view server, std::string_view route,
                           const telemetry::CounterFamily& requests,
                           const telemetry::HistogramFamily& seconds)
    : by_class_{requests.With({server, route, "1xx"}), requests.With({server, route, "2xx"}),
                requests.With({server, route, "3xx"}), requests.With({server, route, "4xx"}),
                requests.With({server, route, "5xx"})},
      seconds_(seconds.With({server, route})) {}

void RouteMetrics::Answered(int status, std::chrono::nanoseconds took) const {
  by_class_[static_cast<std::size_t>(std::clamp(status / 100, 1, 5) - 1)].Add();
  seconds_.Observe(std::chrono::duration<double>(took).count());
}

const Handler* Route::Find(std::string_view method) const {
  for (const auto& [name, handler] : handlers) {
    if (name == method) return &handler;
  }
  return method == "HEAD" ? Find("GET") : nullptr;
}

Route* RouteTable::FindOrMake(std::string_view pattern) {
  HOLDFAST_CHECK(pattern.starts_with('/'));
  Node* node = &root_;
  bool only_literals = true;
  Route** place = nullptr;
  for (std::string_view rest = pattern; !rest.empty() && place == nullptr;) {
    const std::string_view segment = TakeSegment(rest);
    if (IsCapture(segment) && segment.ends_with("*}")) {
      HOLDFAST_CHECK(rest.empty());
      only_literals = false;
      place = &node->rest;
      break;
    }
    only_literals = only_literals && !IsCapture(segment);
    std::unique_ptr<Node>& next =
        IsCapture(segment) ? node->capture : node->literals[std::string(segment)];
    if (next == nullptr) next = std::make_unique<Node>();
    node = next.get();
    if (rest.empty()) place = &node->route;
  }
  if (*place == nullptr) {
    routes_.push_back(std::make_unique<Route>());
    *place = routes_.back().get();
    (*place)->pattern = pattern;
    if (only_literals) literal_[std::string(pattern)] = *place;
  }
  return *place;
}

void RouteTable::Add(std::string_view method, std::string_view pattern, Handler handler,
                     Criticality criticality) {
  Route* const route = FindOrMake(pattern);
  route->criticality = std::min(route->criticality, criticality);
  HOLDFAST_CHECK(route->handlers.empty() || method == "HEAD" || route->Find(method) == nullptr);
  route->handlers.emplace_back(method, std::move(handler));
  if (!route->allow.empty()) route->allow += ", ";
  route->allow += method == "GET" ? "GET, HEAD" : method;
}

const Route* RouteTable::Match(std::string_view path, std::vector<std::string>& captures) const {
  captures.clear();
  if (Route* const* found = Find(literal_, path)) return *found;
  if (!path.starts_with('/')) return nullptr;
  return MatchFrom(root_, path, captures);
}

const Route* RouteTable::MatchFrom(const Node& node, std::string_view rest,
                                   std::vector<std::string>& captures) const {
  if (rest.empty()) return node.route;
  std::string_view after = rest;
  const std::string_view segment = TakeSegment(after);
  if (const auto* next = Find(node.literals, segment)) {
    if (const Route* found = MatchFrom(**next, after, captures)) return found;
  }
  const std::size_t captured = captures.size();
  if (node.capture != nullptr && !segment.empty()) {
    captures.push_back(DecodePath(segment));
    if (const Route* found = MatchFrom(*node.capture, after, captures)) return found;
    captures.resize(captured);
  }
  if (node.rest != nullptr) captures.push_back(DecodePath(rest.substr(1)));
  return node.rest;
}

Router::Router() : table_(std::make_unique<RouteTable>()) {}
Router::~Router() = default;
Router::Router(Router&&) noexcept = default;

void Router::Add(std::string_view method, std::string_view pattern, Handler handler,
                 Criticality criticality) {
  table_->Add(method, pattern, std::move(handler), criticality);
}

void Router::Any(std::string_view pattern, Handler handler, Criticality criticality) {
  table_->Add("GET", pattern, handler, criticality);
  table_->Add("POST", pattern, std::move(handler), criticality);
}

}  // namespace holdfast::http
