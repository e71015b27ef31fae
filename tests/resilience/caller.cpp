// Calls three instances of "echo" 200 times a second and says how it went.
//
//   resilience_caller HOW SECONDS ADDRESS:PORT...
//
// HOW: holdfast (libs/rpc with its defaults), round_robin or outlier (gRPC's own). The first
// address is the one that a fault is done to. Lines on standard input mark moments: "fault",
// "heal". The last line on standard output is the report, as JSON. Idempotent calls, 500 ms
// deadline.

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
#include <iostream>
#include <memory>
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

constexpr char kMethod[] = "holdfast.rpctest.v1.Echo/Store";
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
  // Whether the first instance is in use, as far as the caller says.
  virtual bool FirstInUse() { return true; }
};

class HoldfastCaller final : public Caller {
 public:
  explicit HoldfastCaller(const std::vector<std::string>& addresses)
      : random_(SecureSeed()), first_(addresses[0]) {
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

  bool FirstInUse() override {
    const std::string page = channel_->Describe();
    const std::size_t at = page.find(first_);
    if (at == std::string::npos) return false;
    const std::string line = page.substr(at, page.find('\n', at) - at);
    return line.find(" up ") != line.npos && line.find("breaker=closed") != line.npos;
  }

 private:
  telemetry::Metrics metrics_;
  SeededRandom random_;
  const std::string first_;
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

// When the fault began and ended, as somebody else says; and when the first instance was left out.
struct Moments {
  absl::Mutex mutex;
  SteadyTime fault ABSL_GUARDED_BY(mutex) = SteadyTime::max();
  SteadyTime heal ABSL_GUARDED_BY(mutex) = SteadyTime::max();
  SteadyTime left_out ABSL_GUARDED_BY(mutex) = SteadyTime::max();
};

void Listen(Moments& moments) {
  for (std::string word; std::getline(std::cin, word);) {
    absl::MutexLock lock(&moments.mutex);
    (word == "fault" ? moments.fault : moments.heal) = Now();
  }
}

// Only while it matters: looking costs more than a call.
void Look(Caller& caller, Moments& moments) {
  {
    absl::MutexLock lock(&moments.mutex);
    const bool known = moments.left_out != SteadyTime::max();
    if (moments.fault == SteadyTime::max() || known) return;
  }
  const bool in_use = caller.FirstInUse();
  absl::MutexLock lock(&moments.mutex);
  if (in_use) return;
  moments.left_out = std::min(moments.left_out, Now());
}

double Milliseconds(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

void Report(const std::deque<Record>& records, const std::string& first, Moments& moments) {
  absl::MutexLock lock(&moments.mutex);
  std::vector<double> took;
  int failed = 0, slow = 0, failed_after_heal = 0, settled = 0, at_first = 0;
  for (const Record& record : records) {
    took.push_back(Milliseconds(record.took));
    failed += record.ok ? 0 : 1;
    slow += record.took > 100ms ? 1 : 0;
    if (!record.ok && record.start >= moments.heal) ++failed_after_heal;
    const bool in_fault = moments.fault != SteadyTime::max() && record.start < moments.heal;
    if (!in_fault || record.start < moments.fault + 2s) continue;
    ++settled;
    at_first += record.ok && record.answer.text() == first ? 1 : 0;
  }
  std::sort(took.begin(), took.end());
  const auto quantile = [&](double q) {
    return took[static_cast<std::size_t>(std::ceil(q * static_cast<double>(took.size()))) - 1];
  };
  const bool left = moments.left_out != SteadyTime::max();
  std::cout << fmt::format(
                   R"({{"calls":{},"failed":{},"slow":{},"p50":{:.1f},"p99":{:.1f},"p999":{:.1f},)"
                   R"("left_out_ms":{:.0f},"share_percent":{:.1f},"failed_after_heal":{}}})",
                   took.size(), failed, slow, quantile(0.5), quantile(0.99), quantile(0.999),
                   left ? Milliseconds(moments.left_out - moments.fault) : -1.0,
                   settled == 0 ? -1.0 : 300.0 * at_first / settled, failed_after_heal)
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
  std::thread([&moments] { Listen(moments); }).detach();  // reads until the process ends
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
  Report(records, addresses[0], moments);
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
