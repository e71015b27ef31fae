// Calls instances of "echo" in several zones at a steady rate, as one caller in each of the zones,
// and says how it went. The callers are not lost with a zone: the load stays what it was.
//
//   resilience_zone_caller SECONDS PER_SECOND ADDRESS:PORT@ZONE...
//
// Lines on standard input mark moments: "fault", "heal". The last line on standard output is the
// report, as JSON: for each phase (before, fault, after) and criticality calls, failures and
// latency. Reads, 500 ms deadline, open loop; a fifth critical, half interactive, the
// rest background.

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "libs/base/status.h"
#include "libs/discovery/directory.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/testing/rpc_test.pb.h"

namespace holdfast::rpc {
namespace {

using namespace std::chrono_literals;
namespace v1 = rpctest::v1;

constexpr char kMethod[] = "holdfast.rpctest.v1.Echo/Say";
constexpr Duration kDeadline = 500ms;
constexpr const char* kPhases[] = {"before", "fault", "after"};
// Of ten calls in a row.
constexpr std::array<Criticality, 10> kMix = {Criticality::kCritical,    Criticality::kInteractive,
                                              Criticality::kInteractive, Criticality::kBackground,
                                              Criticality::kInteractive, Criticality::kCritical,
                                              Criticality::kInteractive, Criticality::kBackground,
                                              Criticality::kInteractive, Criticality::kBackground};

SteadyTime Now() { return SystemClock::Get().SteadyNow(); }

// One call; `done` is set last, from the thread that ended it.
struct Record {
  SteadyTime due;
  int phase = 0;
  Criticality criticality = Criticality::kCritical;
  Duration took = {};
  bool ok = false;
  std::string failure;
  v1::Text answer;
  std::atomic<bool> done = false;
};

// A caller in each zone.
class Callers {
 public:
  explicit Callers(const std::vector<std::string>& instances) : random_(SecureSeed()) {
    std::string spec = "static:echo=";
    for (const std::string& instance : instances) spec += instance + ",";
    spec.pop_back();
    directory_ = *discovery::OpenDirectory({.spec = spec, .snapshot_dir = ""}, SystemClock::Get(),
                                           random_, metrics_);
    std::map<std::string, bool> zones;
    for (const std::string& instance : instances) {
      zones[instance.substr(instance.find('@') + 1)] = true;
    }
    for (const auto& [zone, known] : zones) {
      channels_.push_back(std::make_unique<Channel>(
          "echo", PeerOptions{},
          ChannelEnvironment{*directory_, SystemClock::Get(), random_, metrics_, {}, zone}));
    }
  }

  void Call(Record& record) {
    Channel& channel = *channels_[next_++ % channels_.size()];
    const rpc::Call call(Deadline::After(kDeadline), telemetry::TraceContext::Start(random_),
                         record.criticality);
    channel.Start(call, kMethod, v1::Text(), record.answer, {},
                  [&record](const absl::Status& status) {
                    record.ok = status.ok();
                    if (!status.ok()) record.failure = ToString(status);
                    record.took = Now() - record.due;
                    record.done = true;
                  });
  }

  double TriesPerCall() {
    return Sum("holdfast_rpc_client_tries_total") / Sum("holdfast_rpc_client_requests_total");
  }

 private:
  double Sum(const std::string& name) {
    double sum = 0;
    std::istringstream lines(metrics_.Scrape());
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with(name + "{")) sum += std::strtod(&line[line.rfind(' ')], nullptr);
    }
    return sum;
  }

  telemetry::Metrics metrics_;
  SeededRandom random_;
  std::unique_ptr<discovery::Directory> directory_;
  std::vector<std::unique_ptr<Channel>> channels_;
  std::size_t next_ = 0;
};

std::string Escaped(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return c == '"' || c == '\\' || c < ' '; }, '.');
  return text;
}

std::string Summary(const std::deque<Record>& records, int phase, Criticality criticality) {
  std::vector<double> took;
  int failed = 0;
  std::string failure;
  for (const Record& record : records) {
    if (record.phase != phase || record.criticality != criticality) continue;
    took.push_back(std::chrono::duration<double, std::milli>(record.took).count());
    if (!record.ok && failed++ == 0) failure = record.failure;
  }
  std::ranges::sort(took);
  const auto quantile = [&](double q) {
    if (took.empty()) return 0.0;
    return took[static_cast<std::size_t>(std::ceil(q * static_cast<double>(took.size()))) - 1];
  };
  return fmt::format(R"("{}":{{"calls":{},"failed":{},"p50":{:.1f},"p99":{:.1f},"first":"{}"}})",
                     NameOf(criticality), took.size(), failed, quantile(0.5), quantile(0.99),
                     Escaped(failure));
}

void Report(const std::deque<Record>& records, Callers& callers) {
  std::string text = "{";
  for (int phase = 0; phase < 3; ++phase) {
    text += fmt::format("\"{}\":{{{},{},{}}},", kPhases[phase],
                        Summary(records, phase, Criticality::kCritical),
                        Summary(records, phase, Criticality::kInteractive),
                        Summary(records, phase, Criticality::kBackground));
  }
  std::cout << text << fmt::format(R"("tries_per_call":{:.3f}}})", callers.TriesPerCall())
            << std::endl;
}

int Run(int seconds, double per_second, const std::vector<std::string>& instances) {
  Callers callers(instances);
  std::this_thread::sleep_for(1s);  // connections, first probes
  std::atomic<int> phase = 0;
  std::thread([&phase] {
    for (std::string word; std::getline(std::cin, word);) phase = word == "fault" ? 1 : 2;
  }).detach();  // reads until the process ends
  std::cout << "calling" << std::endl;
  std::deque<Record> records;
  const Duration pause =
      std::chrono::duration_cast<Duration>(std::chrono::duration<double>(1 / per_second));
  SteadyTime next = Now();
  const SteadyTime end = next + std::chrono::seconds(seconds);
  for (; next < end; next += pause) {
    std::this_thread::sleep_until(next);
    Record& record = records.emplace_back();
    record.due = next;
    record.phase = phase;
    record.criticality = kMix[(records.size() - 1) % kMix.size()];
    callers.Call(record);
  }
  for (const Record& record : records) {
    while (!record.done) std::this_thread::sleep_for(1ms);
  }
  Report(records, callers);
  std::cout.flush();
  std::_Exit(0);  // the listener still waits for a line
}

}  // namespace
}  // namespace holdfast::rpc

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  return holdfast::rpc::Run(std::atoi(argv[1]), std::atof(argv[2]), {argv + 3, argv + argc});
}
