// Calls three instances of "echo" 200 times a second and says how it went.
//
//   resilience_caller HOW SECONDS ADDRESS:PORT...
//
// HOW: holdfast (libs/rpc with its defaults), round_robin or outlier (gRPC's own). Lines on
// standard input mark moments: "fault" or "fault N" when something is done to the first N addresses
// (1), "heal" when it ends. The last line on standard output is the report, as JSON. Reads, so that
// copies of them are canaries; 500 ms deadline.

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <deque>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "libs/base/status.h"
#include "libs/discovery/directory.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/testing/rpc_test.pb.h"

namespace holdfast::rpc {
namespace {

using namespace std::chrono_literals;
namespace v1 = rpctest::v1;

constexpr char kMethod[] = "holdfast.rpctest.v1.Echo/Say";
constexpr Duration kPause = 5ms;
constexpr Duration kDeadline = 500ms;

SteadyTime Now() { return SystemClock::Get().SteadyNow(); }

// One call; `done` is set last, from the thread that ended it.
struct Record {
  SteadyTime start;
  Duration took = {};
  bool ok = false;
  v1::Text answer;
  std::atomic<bool> done = false;

  void Ended(bool good) {
    ok = good;
    took = Now() - start;
    done = true;
  }
};

class Caller {
 public:
  virtual ~Caller() = default;
  virtual void Call(Record& record) = 0;
  // How many of the first `broken` instances are in use; nothing: this caller does not say.
  virtual std::optional<std::size_t> InUse(std::size_t) { return std::nullopt; }
};

class HoldfastCaller final : public Caller {
 public:
  explicit HoldfastCaller(const std::vector<std::string>& addresses)
      : random_(SecureSeed()), addresses_(addresses) {
    std::string spec = "static:echo=";
    for (const std::string& address : addresses) spec += address + "@a,";
    spec.pop_back();
    directory_ = *discovery::OpenDirectory({.spec = spec, .snapshot_dir = ""}, SystemClock::Get(),
                                           random_, metrics_);
    channel_ = std::make_unique<Channel>(
        "echo", PeerOptions{},
        ChannelEnvironment{*directory_, SystemClock::Get(), random_, metrics_, {}, "a"});
  }

  void Call(Record& record) override {
    const rpc::Call call(Deadline::After(kDeadline), telemetry::TraceContext::Start(random_));
    channel_->Start(call, kMethod, v1::Text(), record.answer, {},
                    [&record](const absl::Status& status) { record.Ended(status.ok()); });
  }

  std::optional<std::size_t> InUse(std::size_t broken) override {
    const std::string page = channel_->Describe();
    return std::count_if(addresses_.begin(), addresses_.begin() + static_cast<long>(broken),
                         [&](const std::string& address) {
                           const std::size_t at = page.find(address);
                           if (at == page.npos) return false;
                           const std::string line = page.substr(at, page.find('\n', at) - at);
                           return line.find(" up ") != line.npos &&
                                  line.find("breaker=closed") != line.npos;
                         });
  }

 private:
  telemetry::Metrics metrics_;
  SeededRandom random_;
  const std::vector<std::string> addresses_;
  std::unique_ptr<discovery::Directory> directory_;
  std::unique_ptr<Channel> channel_;
};

class GrpcCaller final : public Caller {
 public:
  GrpcCaller(const std::vector<std::string>& addresses, bool outlier) {
    std::string target = "ipv4:";
    for (const std::string& address : addresses) target += address + ",";
    target.pop_back();
    grpc::ChannelArguments arguments;
    arguments.SetServiceConfigJSON(outlier ? kOutlier : kRoundRobin);
    if (outlier) {
      arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 1000);
      arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 1000);
      arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
      arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    }
    channel_ = grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
    stub_ = std::make_unique<Stub>(channel_);
    channel_->WaitForConnected(std::chrono::system_clock::now() + 5s);
  }

  void Call(Record& record) override {
    auto context = std::make_shared<grpc::ClientContext>();
    context->set_deadline(std::chrono::system_clock::now() + kDeadline);
    stub_->UnaryCall(context.get(), std::string("/") + kMethod, {}, &request_, &record.answer,
                     [context, &record](const grpc::Status& status) { record.Ended(status.ok()); });
  }

 private:
  using Stub = grpc::TemplatedGenericStub<v1::Text, v1::Text>;
  static constexpr char kRoundRobin[] = R"({"loadBalancingConfig":[{"round_robin":{}}]})";
  // Its defaults do nothing (enforcement 0); these are what it can do for three instances, together
  // with gRPC's own retries and keepalive.
  static constexpr char kOutlier[] = R"({
    "loadBalancingConfig":[{"outlier_detection_experimental":{
      "interval":"1s","baseEjectionTime":"3s","maxEjectionTime":"30s","maxEjectionPercent":33,
      "failurePercentageEjection":{"threshold":50,"enforcementPercentage":100,"minimumHosts":2,
                                   "requestVolume":5},
      "childPolicy":[{"round_robin":{}}]}}],
    "methodConfig":[{"name":[{}],"retryPolicy":{
      "maxAttempts":3,"initialBackoff":"0.01s","maxBackoff":"0.1s","backoffMultiplier":2,
      "retryableStatusCodes":["UNAVAILABLE"]}}]})";

  const v1::Text request_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<Stub> stub_;
};

constexpr SteadyTime kNotYet = SteadyTime::max();

// When the fault began and ended, as somebody else says; when the last of the broken instances was
// left out, and when all were in use again.
struct Moments {
  absl::Mutex mutex;
  std::size_t broken ABSL_GUARDED_BY(mutex) = 1;
  SteadyTime fault ABSL_GUARDED_BY(mutex) = kNotYet;
  SteadyTime heal ABSL_GUARDED_BY(mutex) = kNotYet;
  SteadyTime left_out ABSL_GUARDED_BY(mutex) = kNotYet;
  SteadyTime returned ABSL_GUARDED_BY(mutex) = kNotYet;
};

void Listen(Moments& moments, std::size_t instances) {
  for (std::string line; std::getline(std::cin, line);) {
    absl::MutexLock lock(&moments.mutex);
    if (line == "heal") {
      moments.heal = Now();
      continue;
    }
    moments.fault = Now();
    const std::size_t space = line.find(' ');
    if (space != line.npos) {
      moments.broken =
          std::clamp<std::size_t>(std::strtoull(&line[space], nullptr, 10), 1, instances);
    }
  }
}

// Only while it matters: looking costs more than a call.
void Look(Caller& caller, Moments& moments) {
  std::size_t broken = 0;
  bool healed = false;
  {
    absl::MutexLock lock(&moments.mutex);
    broken = moments.broken;
    healed = moments.heal != kNotYet;
    const bool out = moments.left_out != kNotYet;
    const bool waits = moments.fault != kNotYet && !out;              // for it to leave
    const bool hopes = healed && out && moments.returned == kNotYet;  // for it to return
    if (!waits && !hopes) return;
  }
  const std::optional<std::size_t> in_use = caller.InUse(broken);
  if (!in_use) return;
  absl::MutexLock lock(&moments.mutex);
  if (moments.left_out == kNotYet) {
    if (*in_use == 0) moments.left_out = Now();
  } else if (healed && *in_use == broken) {
    moments.returned = Now();
  }
}

double Milliseconds(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

// What part of its fair share the broken ones answered of the calls that began then, in percent.
double ShareOf(std::span<const std::string> broken, std::size_t instances,
               const std::deque<Record>& records,
               const std::function<bool(const Record&)>& counts) {
  int calls = 0, there = 0;
  for (const Record& record : records) {
    if (!counts(record)) continue;
    ++calls;
    const bool at_broken =
        std::find(broken.begin(), broken.end(), record.answer.text()) != broken.end();
    there += record.ok && at_broken ? 1 : 0;
  }
  if (calls == 0) return -1;
  const double fair = static_cast<double>(broken.size()) / static_cast<double>(instances);
  return 100.0 * there / calls / fair;
}

void Report(const std::deque<Record>& records, const std::vector<std::string>& addresses,
            Moments& moments) {
  absl::MutexLock lock(&moments.mutex);
  std::vector<double> took;
  int failed = 0, slow = 0, failed_after_heal = 0;
  for (const Record& record : records) {
    took.push_back(Milliseconds(record.took));
    failed += record.ok ? 0 : 1;
    slow += record.took > 100ms ? 1 : 0;
    if (!record.ok && record.start >= moments.heal) ++failed_after_heal;
  }
  const std::span<const std::string> broken(addresses.data(), moments.broken);
  const SteadyTime settled = moments.fault == kNotYet ? kNotYet : moments.fault + 2s;
  const SteadyTime heal = moments.heal;
  const SteadyTime last = records.back().start - 2s;
  const double share = ShareOf(broken, addresses.size(), records, [&](const Record& r) {
    return r.start >= settled && r.start < heal;
  });
  const double share_at_end =
      ShareOf(broken, addresses.size(), records, [&](const Record& r) { return r.start >= last; });
  std::sort(took.begin(), took.end());
  const auto quantile = [&](double q) {
    return took[static_cast<std::size_t>(std::ceil(q * static_cast<double>(took.size()))) - 1];
  };
  const auto after = [](SteadyTime moment, SteadyTime since) {
    return moment == kNotYet || since == kNotYet ? -1.0 : Milliseconds(moment - since);
  };
  std::cout << fmt::format(
                   R"({{"calls":{},"failed":{},"slow":{},"p50":{:.1f},"p99":{:.1f},"p999":{:.1f},)"
                   R"("left_out_ms":{:.0f},"share_percent":{:.1f},"failed_after_heal":{},)"
                   R"("returned_ms":{:.0f},"share_at_end_percent":{:.1f}}})",
                   took.size(), failed, slow, quantile(0.5), quantile(0.99), quantile(0.999),
                   after(moments.left_out, moments.fault), share, failed_after_heal,
                   after(moments.returned, moments.heal), share_at_end)
            << std::endl;
}

int Run(const std::string& how, int seconds, const std::vector<std::string>& addresses) {
  std::unique_ptr<Caller> caller;
  if (how == "holdfast") {
    caller = std::make_unique<HoldfastCaller>(addresses);
  } else {
    caller = std::make_unique<GrpcCaller>(addresses, how == "outlier");
  }
  std::this_thread::sleep_for(1s);  // connections, first probes
  Moments moments;
  std::thread([&moments, count = addresses.size()] {
    Listen(moments, count);
  }).detach();  // reads until the process ends
  std::cout << "calling" << std::endl;
  std::deque<Record> records;
  SteadyTime next = Now();
  const SteadyTime end = next + std::chrono::seconds(seconds);
  while (next < end) {
    std::this_thread::sleep_until(next);
    next += kPause;
    records.emplace_back().start = Now();
    caller->Call(records.back());
    Look(*caller, moments);
  }
  for (const Record& record : records) {
    while (!record.done) std::this_thread::sleep_for(1ms);
  }
  Report(records, addresses, moments);
  std::cout.flush();
  caller.reset();
  std::_Exit(0);  // the listener still waits for a line
}

}  // namespace
}  // namespace holdfast::rpc

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  return holdfast::rpc::Run(argv[1], std::atoi(argv[2]), {argv + 3, argv + argc});
}
