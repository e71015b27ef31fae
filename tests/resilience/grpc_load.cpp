#include "tests/resilience/grpc_load.h"

#include <algorithm>
#include <cmath>
#include <sstream>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "libs/base/check.h"
#include "libs/base/status.h"
#include "libs/testing/eventually.h"

namespace holdfast::test {
namespace {

constexpr absl::Duration kTick = absl::Milliseconds(2);  // the pace of the load

double Quantile(const std::vector<double>& sorted, double q) {
  if (sorted.empty()) return 0;
  const double rank = std::ceil(q * static_cast<double>(sorted.size()));
  return sorted[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
}

}  // namespace

// One call; read after it has ended.
struct GrpcLoad::Record {
  SteadyTime due;
  Duration took = {};
  absl::Status status;
  std::unique_ptr<google::protobuf::Message> response;
};

struct GrpcLoad::Lane {
  LoadedMethod what;
  std::unique_ptr<rpc::Channel> channel;
  std::deque<Record> records;
  SteadyTime next;
};

GrpcLoad::GrpcLoad(const Options& options, std::vector<LoadedMethod> methods)
    : options_(options), random_(SecureSeed()) {
  auto directory =
      discovery::OpenDirectory(options_.discovery, SystemClock::Get(), random_, metrics_);
  HOLDFAST_CHECK(directory.ok());
  directory_ = *std::move(directory);
  for (LoadedMethod& method : methods) {
    auto lane = std::make_unique<Lane>();
    lane->channel = std::make_unique<rpc::Channel>(
        method.service, rpc::PeerOptions{.timeout = options_.deadline},
        rpc::ChannelEnvironment{*directory_, SystemClock::Get(), random_, metrics_, options_.tls,
                                options_.own_zone});
    lane->what = std::move(method);
    lanes_.push_back(std::move(lane));
  }
}

GrpcLoad::~GrpcLoad() { Stop(); }

bool GrpcLoad::AllUp(std::size_t instances) const {
  return std::ranges::all_of(lanes_, [&](const auto& lane) {
    const std::string page = lane->channel->Describe();
    std::size_t up = 0;
    for (auto at = page.find(" up "); at != page.npos; at = page.find(" up ", at + 1)) ++up;
    return up >= instances;
  });
}

void GrpcLoad::Start() {
  const SteadyTime now = SystemClock::Get().SteadyNow();
  for (const auto& lane : lanes_) lane->next = now;
  thread_ = std::thread([this] { Run(); });
}

std::vector<MethodReport> GrpcLoad::Stop() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
  HOLDFAST_CHECK(Eventually([&] { return under_way_ == 0; }, std::chrono::seconds(60)));
  std::vector<MethodReport> reports;
  for (const auto& lane : lanes_) reports.push_back(ReportOf(*lane));
  return reports;
}

void GrpcLoad::Run() {
  while (!stop_) {
    const SteadyTime now = SystemClock::Get().SteadyNow();
    for (const auto& lane : lanes_) {
      while (lane->next <= now) {
        CallOnce(*lane);
        lane->next += std::chrono::duration_cast<Duration>(
            std::chrono::duration<double>(1 / lane->what.per_second));
      }
    }
    absl::SleepFor(kTick);
  }
}

void GrpcLoad::CallOnce(Lane& lane) {
  Record& record = lane.records.emplace_back();
  record.due = lane.next;
  record.response.reset(lane.what.response->New());
  const rpc::Call call(Deadline::After(options_.deadline), telemetry::TraceContext::Start(random_));
  ++under_way_;
  lane.channel->Start(call, lane.what.method, *lane.what.request, *record.response, {},
                      [this, &record](const absl::Status& status) {
                        record.took = SystemClock::Get().SteadyNow() - record.due;
                        record.status = status;
                        --under_way_;
                      });
}

MethodReport GrpcLoad::ReportOf(Lane& lane) const {
  MethodReport report{.service = lane.what.service, .method = lane.what.method};
  std::vector<double> took;
  for (const Record& record : lane.records) {
    ++report.calls;
    took.push_back(std::chrono::duration<double, std::milli>(record.took).count());
    if (record.status.ok()) continue;
    if (report.failed++ == 0) report.first_failure = ToString(record.status);
  }
  std::ranges::sort(took);
  report.p50_ms = Quantile(took, 0.5);
  report.p99_ms = Quantile(took, 0.99);
  report.longest_ms = took.empty() ? 0 : took.back();
  const std::string neighbour = "service=\"" + lane.what.service + "\"";
  const double requests = Metric("holdfast_rpc_client_requests_total", neighbour);
  const double tries = Metric("holdfast_rpc_client_tries_total", neighbour);
  report.tries_per_call = requests == 0 ? 0 : tries / requests;
  return report;
}

std::uint64_t GrpcLoad::TriesOf(const std::string& instance) const {
  return static_cast<std::uint64_t>(
      Metric("holdfast_rpc_client_tries_total", "instance=\"" + instance + "\""));
}

// Sum over all samples of that name that have the label.
double GrpcLoad::Metric(const std::string& name, const std::string& label) const {
  double sum = 0;
  std::istringstream lines(metrics_.Scrape());
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(name + "{") || line.find(label) == line.npos) continue;
    sum += std::strtod(line.c_str() + line.rfind(' '), nullptr);
  }
  return sum;
}

std::string GrpcLoad::Describe() const {
  std::string pages;
  for (const auto& lane : lanes_) pages += lane->channel->Describe() + "\n";
  return pages;
}

}  // namespace holdfast::test
