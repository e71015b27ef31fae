// A service, servers and a directory for the tests of libs/rpc. Everything in it is real but the
// directory, whose content is what the test says.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/synchronization/notification.h"
#include "libs/base/random.h"
#include "libs/base/status.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/fault_plan.h"
#include "libs/rpc/server.h"
#include "libs/rpc/testing/rpc_test.pb.h"

namespace holdfast::rpc {

namespace v1 = rpctest::v1;

inline constexpr char kSay[] = "holdfast.rpctest.v1.Echo/Say";
inline constexpr char kLook[] = "holdfast.rpctest.v1.Echo/Look";
inline constexpr char kStore[] = "holdfast.rpctest.v1.Echo/Store";
inline constexpr char kOrder[] = "holdfast.rpctest.v1.Echo/Order";
inline constexpr char kCount[] = "holdfast.rpctest.v1.Echo/Count";

// Answers with the text it got, unless told to do something else.
class Echo {
 public:
  using Reply = std::function<absl::Status(const Call&, const v1::Text&)>;

  void Register(ServiceTable& table) {
    table.Inline("Say", *this, &Echo::Say);
    table.Worker("Look", *this, &Echo::Look);
    table.Worker("Store", *this, &Echo::Store);
    table.Worker("Order", *this, &Echo::Order);
    table.Stream("Count", *this, &Echo::Count);
  }

  absl::StatusOr<v1::Text> Say(const Call& call, const v1::Text& request) {
    return Answer(call, request);
  }
  absl::StatusOr<v1::Text> Look(const Call& call, const v1::Text& request) {
    return Answer(call, request);
  }
  absl::StatusOr<v1::Text> Store(const Call& call, const v1::Text& request) {
    return Answer(call, request);
  }
  absl::StatusOr<v1::Text> Order(const Call& call, const v1::Text& request) {
    return Answer(call, request);
  }
  // 1, 2, 3 ... `last`; for `last` 0 until told to stop, and says so.
  absl::Status Count(const Call&, const v1::CountTo& request, StreamWriter& writer) {
    v1::Number number;
    number.set_padding(request.padding());
    for (std::int64_t value = 1; request.last() == 0 || value <= request.last(); ++value) {
      number.set_value(value);
      if (!writer.Write(number)) {
        ++streams_stopped;
        return absl::CancelledError("the reader has left");
      }
      written = value;
    }
    return absl::OkStatus();
  }

  std::atomic<int> calls = 0;
  std::atomic<int> streams_stopped = 0;
  std::atomic<std::int64_t> written = 0;
  Reply reply;  // set before the server starts; null: OK

 private:
  absl::StatusOr<v1::Text> Answer(const Call& call, const v1::Text& request) {
    ++calls;
    if (reply) HOLDFAST_RETURN_IF_ERROR(reply(call, request));
    v1::Text answer;
    answer.set_text(request.text());
    return answer;
  }
};

// One running instance of the service "echo".
class EchoServer {
 public:
  explicit EchoServer(Echo::Reply reply = nullptr, ServerOptions options = {})
      : random_(SecureSeed()), server_(options, SystemClock::Get(), random_, metrics_) {
    echo_.reply = std::move(reply);
    ServiceTable table("holdfast.rpctest.v1.Echo");
    echo_.Register(table);
    server_.Register(table);
    const absl::Status started = server_.Start();
    EXPECT_TRUE(started.ok()) << ToString(started);
  }

  Echo& echo() { return echo_; }
  Server& server() { return server_; }
  std::uint16_t port() const { return server_.port(); }
  std::string address() const { return "127.0.0.1:" + std::to_string(port()); }
  std::string Scrape() const {
    server_.UpdateMetrics();
    return metrics_.Scrape();
  }
  // Calls in line for a worker.
  std::size_t waiting() const {
    server_.UpdateMetrics();
    return static_cast<std::size_t>(
        metrics_.GaugeFamily("holdfast_admission_waiting", "", {"server"}).With({"grpc"}).value());
  }
  void Kill() { server_.Drain(Duration::zero(), Deadline(SteadyTime())); }

 private:
  mutable telemetry::Metrics metrics_;
  SeededRandom random_;
  Echo echo_;
  Server server_;
};

// Says what the test wants it to say.
class ListedDirectory final : public discovery::Directory {
 public:
  std::unique_ptr<discovery::Watch> Subscribe(std::string_view, Callback callback) override {
    absl::MutexLock lock(&mutex_);
    if (!set_.empty()) callback(set_);
    callback_ = std::move(callback);
    return std::make_unique<Subscription>(*this);
  }
  std::unique_ptr<discovery::Watch> Register(std::string_view,
                                             const discovery::Instance&) override {
    return nullptr;
  }
  std::string Describe() const override { return "listed by the test"; }

  void Set(discovery::InstanceSet set) {
    absl::MutexLock lock(&mutex_);
    set_ = std::move(set);
    if (callback_) callback_(set_);
  }
  // Instances "echo-0", "echo-1" ... in zone "a".
  void SetAddresses(const std::vector<std::string>& addresses) {
    discovery::InstanceSet set;
    for (const std::string& address : addresses) {
      set.push_back({.id = "echo-" + std::to_string(set.size()), .address = address, .zone = "a"});
    }
    Set(std::move(set));
  }

 private:
  class Subscription final : public discovery::Watch {
   public:
    explicit Subscription(ListedDirectory& directory) : directory_(directory) {}
    ~Subscription() override {
      absl::MutexLock lock(&directory_.mutex_);
      directory_.callback_ = nullptr;
    }

   private:
    ListedDirectory& directory_;
  };

  absl::Mutex mutex_;
  discovery::InstanceSet set_ ABSL_GUARDED_BY(mutex_);
  Callback callback_ ABSL_GUARDED_BY(mutex_);
};

// Nothing is retried or blamed because the machine is busy. The product's own times are for tests
// in which instances hang.
inline PeerOptions Patient() {
  return {.timeout = std::chrono::seconds(20), .try_timeout = std::chrono::seconds(10)};
}

// A caller of "echo".
class EchoClient {
 public:
  explicit EchoClient(const std::vector<std::string>& addresses,
                      const PeerOptions& options = Patient(), const security::TlsFiles& tls = {})
      : random_(SecureSeed()) {
    directory_.SetAddresses(addresses);
    channel_ = std::make_unique<Channel>(
        "echo", options,
        ChannelEnvironment{directory_, SystemClock::Get(), random_, metrics_, tls, "a", &faults_});
  }

  Channel& channel() { return *channel_; }
  ListedDirectory& directory() { return directory_; }
  Random& random() { return random_; }
  FaultPlan& faults() { return faults_; }
  std::string Scrape() const { return metrics_.Scrape(); }

  Call NewCall(Duration time = std::chrono::seconds(20)) {
    return Call::Background(time, SystemClock::Get(), random_);
  }

  absl::StatusOr<std::string> Ask(std::string_view method, std::string_view text,
                                  const InvokeOptions& options = {}) {
    v1::Text request;
    request.set_text(std::string(text));
    HOLDFAST_ASSIGN_OR_RETURN(const v1::Text answer,
                              channel_->Invoke<v1::Text>(NewCall(), method, request, options));
    return answer.text();
  }

  std::unique_ptr<StreamReader> CountTo(std::int64_t last, std::size_t padding = 0) {
    v1::CountTo request;
    request.set_last(last);
    request.set_padding(std::string(padding, 'x'));
    return channel_->OpenStream(NewCall(), kCount, request);
  }

  // The channel's page has this in it: "up", "breaker open" ...
  bool Shows(std::string_view text) const {
    return channel_->Describe().find(text) != std::string::npos;
  }
  bool AllUp(std::size_t instances) const {
    std::size_t up = 0;
    const std::string page = channel_->Describe();
    for (auto at = page.find(" up "); at != std::string::npos; at = page.find(" up ", at + 1)) ++up;
    return up == instances;
  }

 private:
  ListedDirectory directory_;
  telemetry::Metrics metrics_;
  SeededRandom random_;
  FaultPlan faults_{true, {.max_percent = 100}, SystemClock::Get(), random_, metrics_};
  std::unique_ptr<Channel> channel_;
};

}  // namespace holdfast::rpc
