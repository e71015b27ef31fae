// Which handler answers a path and method, and the metrics of each route. Filled before the server
// starts, read by all of its threads afterwards.
#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libs/base/string_map.h"
#include "libs/http/server.h"
#include "libs/telemetry/metrics.h"

namespace holdfast::http {

// The status of an answer that nobody reads, as nginx has it: see Request::gone.
inline constexpr int kClientLeft = 499;

// Handles looked up once, so that counting an answer takes no lock of a family.
class RouteMetrics {
 public:
  RouteMetrics(std::string_view server, std::string_view route,
               const telemetry::CounterFamily& requests, const telemetry::HistogramFamily& seconds);

  void Answered(int status, std::chrono::nanoseconds took) const;

 private:
  std::array<telemetry::Counter, 5> by_class_;  // 1xx to 5xx
  telemetry::Histogram seconds_;
};

struct Route {
  std::string pattern;
  std::vector<std::pair<std::string, Handler>> handlers;  // by method
  std::string allow;                                      // "GET, HEAD, POST"
  Criticality criticality = Criticality::kBulk;           // of its most critical method
  std::optional<RouteMetrics> metrics;

  // The handler of the method (GET's for HEAD), or null.
  const Handler* Find(std::string_view method) const;
};

class RouteTable {
 public:
  void Add(std::string_view method, std::string_view pattern, Handler handler,
           Criticality criticality);

  // The route of a path, its captured parts in `captures`; null if there is none. Literal segments
  // win over {captures}, those over {rest*}.
  const Route* Match(std::string_view path, std::vector<std::string>& captures) const;

  const std::vector<std::unique_ptr<Route>>& routes() const { return routes_; }

 private:
  struct Node {
    StringMap<std::unique_ptr<Node>> literals;
    std::unique_ptr<Node> capture;
    Route* route = nullptr;  // of a path that ends here
    Route* rest = nullptr;   // of all paths below
  };

  Route* FindOrMake(std::string_view pattern);
  const Route* MatchFrom(const Node& node, std::string_view rest,
                         std::vector<std::string>& captures) const;

  std::vector<std::unique_ptr<Route>> routes_;
  Node root_;
  StringMap<Route*> literal_;  // patterns without braces: one look-up
};

// Percent-decoding of a path: unlike in a form, '+' is a plus.
std::string DecodePath(std::string_view text);

}  // namespace holdfast::http
