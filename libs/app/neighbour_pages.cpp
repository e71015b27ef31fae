#include "libs/app/neighbour_pages.h"

#include <fmt/format.h>
#include <charconv>
#include <string>

#include <utility>

#include "libs/base/status.h"

namespace holdfast::app {
namespace {

using Neighbours = std::vector<rpc::ChannelControl>;

http::Response Page(std::string text) { return http::Response::Text(200, std::move(text)); }

http::Response Refusal(const absl::Status& status) {
  int code = 400;
  if (status.code() == absl::StatusCode::kNotFound) code = 404;
  if (status.code() == absl::StatusCode::kFailedPrecondition) code = 403;
  return http::Response::Text(code, std::string(status.message()) + "\n");
}

std::string DescribeAll(const Neighbours& neighbours, const rpc::FaultPlan& faults) {
  std::string page = faults.Describe() + "\n";
  for (const rpc::ChannelControl& neighbour : neighbours) page += neighbour.Describe() + "\n";
  return neighbours.empty() ? page + "no neighbours\n" : page;
}

// "a=1&b=2", or one on each line.
std::vector<std::string> Assignments(std::string_view body) {
  std::string encoded(body);
  for (char& c : encoded) {
    if (c == '\n' || c == '\r') c = '&';
  }
  const http::Form form(encoded);
  std::vector<std::string> assignments;
  for (const auto& [name, value] : form.fields()) {
    if (!name.empty()) assignments.push_back(fmt::format("{}={}", name, value));
  }
  return assignments;
}

const rpc::ChannelControl* Find(const Neighbours& neighbours, std::string_view service) {
  for (const rpc::ChannelControl& neighbour : neighbours) {
    if (neighbour.service() == service) return &neighbour;
  }
  return nullptr;
}

http::Response ShowKnobs(const Neighbours& neighbours, const http::Request& request) {
  const std::string& service = request.captures()[0];
  const rpc::ChannelControl* neighbour = Find(neighbours, service);
  if (neighbour == nullptr) return Refusal(NotFound("'{}' is no neighbour of ours", service));
  return Page(neighbour->ShowOptions());
}

http::Response ChangeKnobs(const Neighbours& neighbours, const http::Request& request) {
  const std::string& service = request.captures()[0];
  if (Find(neighbours, service) == nullptr) {
    return Refusal(NotFound("'{}' is no neighbour of ours", service));
  }
  const std::vector<std::string> assignments = Assignments(request.body());
  if (assignments.empty()) return Refusal(InvalidArgument("nothing to set: name=value"));
  for (const rpc::ChannelControl& neighbour : neighbours) {
    if (neighbour.service() != service) continue;
    const absl::Status changed = neighbour.ChangeOptions(assignments);
    if (!changed.ok()) return Refusal(changed);
  }
  return ShowKnobs(neighbours, request);
}

http::Response BeginFault(rpc::FaultPlan& faults, const http::Request& request) {
  const absl::StatusOr<rpc::Fault> fault = rpc::ParseFault(request.body());
  if (!fault.ok()) return Refusal(fault.status());
  const absl::StatusOr<int> number = faults.Add(*fault);
  if (!number.ok()) return Refusal(number.status());
  return Page(faults.Describe());
}

http::Response RemoveFault(rpc::FaultPlan& faults, const http::Request& request) {
  const std::string& text = request.captures()[0];
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    return Refusal(InvalidArgument("'{}' is no number", text));
  }
  const absl::Status removed = faults.Remove(number);
  return removed.ok() ? Page(faults.Describe()) : Refusal(removed);
}

}  // namespace

void AddNeighbourPages(http::Router& router, const Neighbours& neighbours, rpc::FaultPlan& faults) {
  router.Get("/debug/neighbours", http::Inline([&neighbours, &faults](const http::Request&) {
               return Page(DescribeAll(neighbours, faults));
             }));
  router.Get("/neighbours/{service}/knobs",
             http::Inline([&neighbours](const http::Request& request) {
               return ShowKnobs(neighbours, request);
             }));
  router.Post("/neighbours/{service}/knobs",
              http::Inline([&neighbours](const http::Request& request) {
                return ChangeKnobs(neighbours, request);
              }));
  router.Get("/faults",
             http::Inline([&faults](const http::Request&) { return Page(faults.Describe()); }));
  router.Post("/faults", http::Inline([&faults](const http::Request& request) {
                return BeginFault(faults, request);
              }));
  router.Post("/faults/clear", http::Inline([&faults](const http::Request&) {
                faults.Clear();
                return Page(faults.Describe());
              }));
  router.Post("/faults/{number}/remove", http::Inline([&faults](const http::Request& request) {
                return RemoveFault(faults, request);
              }));
}

}  // namespace holdfast::app
