// Both ends of one unary call, twice: through the whole of libs/rpc, and as bare gRPC with its
// callback API. tests/bench/rpc pins and compares them; see README.md.
//
//   rpc_bench serve WHAT                        prints port=, runs until its input ends
//   rpc_bench call WHAT PORT SECONDS TOGETHER   prints calls=, seconds=, cpu=, p50_us=, p99_us=
//
// WHAT is "holdfast", "bare" (gRPC as it comes) or "lean": bare, and the client without gRPC's
// retries.

#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/impl/codegen/server_callback_handlers.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "libs/base/check.h"
#include "libs/discovery/directory.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/server.h"
#include "libs/rpc/testing/echo.h"

namespace holdfast::rpc {
namespace {

using rpctest::v1::Text;

constexpr char kSayPath[] = "/holdfast.rpctest.v1.Echo/Say";
constexpr std::size_t kPayloadBytes = 200;
constexpr auto kTimeout = std::chrono::seconds(5);

// Serving.

// As a generated callback service does it.
class BareService final : public grpc::Service {
 public:
  BareService() {
    AddMethod(new grpc::internal::RpcServiceMethod(kSayPath, grpc::internal::RpcMethod::NORMAL_RPC,
                                                   nullptr));
    MarkMethodCallback(
        0, new grpc::internal::CallbackUnaryHandler<Text, Text>(
               [](grpc::CallbackServerContext* context, const Text* request, Text* response) {
                 response->set_text(request->text());
                 grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
                 reactor->Finish(grpc::Status::OK);
                 return reactor;
               }));
  }
};

void WaitForEndOfInput(int port) {
  std::printf("port=%d\n", port);
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
}

void ServeBare() {
  BareService service;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const auto server = builder.BuildAndStart();
  HOLDFAST_CHECK(server != nullptr);
  WaitForEndOfInput(port);
}

void ServeHoldfast() {
  telemetry::Metrics metrics;
  SeededRandom random(1);
  Echo echo;
  ServiceTable table("holdfast.rpctest.v1.Echo");
  echo.Register(table);
  Server server({}, SystemClock::Get(), random, metrics);
  server.Register(table);
  HOLDFAST_CHECK(server.Start().ok());
  WaitForEndOfInput(server.port());
}

// Calling.

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Keeps `together` calls under way; each answer begins the next call.
class Load {
 public:
  using Done = std::function<void(bool ok)>;
  using Begin = std::function<void(const Text& request, Text& response, Done done)>;

  Load(Begin begin, int together) : begin_(std::move(begin)), slots_(together) {
    request_.set_text(std::string(kPayloadBytes, 'x'));
  }

  void Run(Duration length) {
    const SteadyTime start = Now();
    until_ = start + length;
    running_ = static_cast<int>(slots_.size());
    for (Slot& slot : slots_) Next(slot);
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(
        +[](std::atomic<int>* running) { return *running == 0; }, &running_));
    seconds_ = std::chrono::duration<double>(Now() - start).count();
  }

  void Print(double cpu) {
    std::vector<std::int64_t> all;
    for (const Slot& slot : slots_) all.insert(all.end(), slot.took.begin(), slot.took.end());
    std::sort(all.begin(), all.end());
    HOLDFAST_CHECK(!all.empty());
    const auto at = [&](double part) {
      return static_cast<double>(
                 all[static_cast<std::size_t>(part * static_cast<double>(all.size() - 1))]) /
             1e3;
    };
    std::printf("calls=%zu seconds=%f cpu=%f p50_us=%f p99_us=%f\n", all.size(), seconds_, cpu,
                at(0.5), at(0.99));
  }

 private:
  struct Slot {
    Text response;
    SteadyTime begun;
    std::vector<std::int64_t> took;
  };

  static SteadyTime Now() { return std::chrono::steady_clock::now(); }

  void Next(Slot& slot) {
    slot.begun = Now();
    begin_(request_, slot.response, [this, &slot](bool ok) {
      HOLDFAST_CHECK(ok);
      const SteadyTime now = Now();
      slot.took.push_back((now - slot.begun).count());
      if (now < until_) return Next(slot);
      absl::MutexLock lock(&mutex_);
      --running_;
    });
  }

  const Begin begin_;
  Text request_;
  std::vector<Slot> slots_;
  SteadyTime until_;
  double seconds_ = 0;
  absl::Mutex mutex_;
  std::atomic<int> running_ = 0;
};

void Measure(Load::Begin begin, Duration length, int together) {
  Load(begin, together).Run(std::chrono::milliseconds(300));  // connections, caches
  Load load(std::move(begin), together);
  const double cpu = CpuSeconds();
  load.Run(length);
  load.Print(CpuSeconds() - cpu);
}

void CallBare(const std::string& address, Duration length, int together, bool retries) {
  struct Exchange {
    grpc::ClientContext context;
  };
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, retries ? 1 : 0);
  grpc::TemplatedGenericStub<Text, Text> stub(
      grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments));
  Measure(
      [&](const Text& request, Text& response, Load::Done done) {
        auto* exchange = new Exchange;
        exchange->context.set_deadline(std::chrono::system_clock::now() + kTimeout);
        stub.UnaryCall(&exchange->context, kSayPath, grpc::StubOptions(), &request, &response,
                       [exchange, done = std::move(done)](const grpc::Status& status) {
                         delete exchange;
                         done(status.ok());
                       });
      },
      length, together);
}

void CallHoldfast(const std::string& address, Duration length, int together) {
  telemetry::Metrics metrics;
  SeededRandom random(1);
  const auto directory = discovery::OpenDirectory({.spec = "static:echo=" + address},
                                                  SystemClock::Get(), random, metrics);
  HOLDFAST_CHECK(directory.ok());
  Channel channel("echo", {.timeout = kTimeout, .try_timeout = kTimeout},
                  {**directory, SystemClock::Get(), random, metrics, {}, "a"});
  while (!channel.has_healthy_instance()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  Measure(
      [&](const Text& request, Text& response, Load::Done done) {
        channel.Start(Call(Deadline::After(kTimeout), telemetry::TraceContext::Start(random)), kSay,
                      request, response, {},
                      [done = std::move(done)](const absl::Status& status) { done(status.ok()); });
      },
      length, together);
}

int Main(const std::vector<std::string>& arguments) {
  const std::string what = arguments.size() > 1 ? arguments[1] : "";
  if (arguments.size() == 2 && arguments[0] == "serve") {
    what == "holdfast" ? ServeHoldfast() : ServeBare();
    return 0;
  }
  if (arguments.size() == 5 && arguments[0] == "call") {
    const std::string address = "127.0.0.1:" + arguments[2];
    const auto length = std::chrono::seconds(std::atoi(arguments[3].c_str()));
    const int together = std::atoi(arguments[4].c_str());
    if (what == "holdfast") {
      CallHoldfast(address, length, together);
    } else {
      CallBare(address, length, together, /*retries=*/what == "bare");
    }
    return 0;
  }
  std::fprintf(stderr, "rpc_bench serve WHAT | call WHAT PORT SECONDS TOGETHER\n");
  return 2;
}

}  // namespace
}  // namespace holdfast::rpc

int main(int argc, char** argv) {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);  // as programs do
  return holdfast::rpc::Main({argv + 1, argv + argc});
}
