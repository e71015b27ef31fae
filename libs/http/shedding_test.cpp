// What the server does when more is asked of it than it can, and when it leaves.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "libs/admission/pool_options.h"
#include "libs/http/raw_client_test.h"
#include "libs/http/server.h"
#include "libs/testing/eventually.h"
#include "libs/testing/status_matchers.h"

namespace holdfast::http {
namespace {

using namespace std::chrono_literals;
using test::IsOk;
using testing::ContainsRegex;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

// A level takes seconds to rise, on a busy machine many.
bool Eventually(const std::function<bool()>& condition) { return test::Eventually(condition, 60s); }

// One instance, with routes of every class.
class Instance {
 public:
  explicit Instance(ServerOptions options = {}) {
    Router router;
    const auto add = [&](const char* path, Criticality criticality) {
      router.Get(path, Inline([](const Request&) { return Response::Text(200, "here"); }),
                 criticality);
    };
    add("/key", Criticality::kCritical);
    add("/list", Criticality::kInteractive);
    add("/report", Criticality::kBackground);
    // What keeps an I/O thread from everything else.
    router.Get("/heavy", Inline([](const Request&) {
                 const Deadline worked = Deadline::After(std::chrono::milliseconds(1));
                 while (!worked.Passed()) {
                 }
                 return Response::Text(200, "");
               }),
               Criticality::kCritical);
    router.Get("/asks", Inline([](const Request& request) {
                 const bool admitted = request.Admits(Criticality::kBulk, "box");
                 return Response::Text(200, admitted ? "full" : "thin");
               }),
               Criticality::kCritical);
    router.Get("/work", Worker(pool_, [](const Request&) { return Response::Text(200, "done"); }),
               Criticality::kBackground);
    server_ = std::make_unique<Server>(options, std::move(router), metrics_);
    EXPECT_THAT(server_->Start(), IsOk());
  }

  std::string Ask(std::string_view path) {
    RawClient client(server_->port());
    client.Send("GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n\r\n");
    return client.ReadAnswer();
  }
  std::string Scrape() {
    server_->UpdateMetrics();
    return metrics_.Scrape();
  }
  Server& server() { return *server_; }
  WorkerPool& pool() { return pool_; }

 private:
  telemetry::Metrics metrics_;
  WorkerPool pool_{{.name = "work", .threads = 1},
                   admission::MakeQueue({.threads = 1, .max_waiting = 0}),
                   nullptr};
  std::unique_ptr<Server> server_;
};

// Many requests, each of which takes the I/O thread's time; more than it can take, until it ends.
class Flood {
 public:
  explicit Flood(std::uint16_t port) {
    for (int i = 0; i < 40; ++i) threads_.emplace_back([this, port] { Run(port); });
  }
  ~Flood() { Stop(); }
  void Stop() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  void Run(std::uint16_t port) {
    RawClient client(port);
    while (!stop_) {
      for (int i = 0; i < 4; ++i) client.Send("GET /heavy HTTP/1.1\r\nHost: x\r\n\r\n");
      for (int i = 0; i < 4; ++i) client.ReadAnswer();
    }
  }

  std::atomic<bool> stop_ = false;
  std::vector<std::thread> threads_;
};

TEST(SheddingTest, ARequestThatWouldWaitTooLongIsRefusedUnlessItIsCritical) {
  Instance instance;
  EXPECT_THAT(instance.Ask("/list"), StartsWith("HTTP/1.1 200"));
  Flood flood(instance.server().port());

  std::string refusal;
  ASSERT_TRUE(Eventually([&] { return (refusal = instance.Ask("/list")).find(" 503 ") == 8; }));
  EXPECT_THAT(refusal, ContainsRegex("Retry-After: [123]\r\n"));
  EXPECT_THAT(instance.Ask("/report"), StartsWith("HTTP/1.1 503")) << "less critical: sooner";
  EXPECT_THAT(instance.Ask("/asks"), EndsWith("thin"));
  for (int i = 0; i < 5; ++i) EXPECT_THAT(instance.Ask("/key"), EndsWith("here"));
  EXPECT_THAT(instance.Scrape(), HasSubstr("holdfast_admission_shed_total{criticality="
                                           "\"interactive\",reason=\"busy\",server=\"public\"}"));

  flood.Stop();
  EXPECT_TRUE(Eventually([&] { return instance.Ask("/list").ends_with("here"); }));
  EXPECT_TRUE(Eventually([&] { return instance.Ask("/asks").ends_with("full"); }));
  EXPECT_TRUE(Eventually([&] {
    instance.Ask("/key");
    return instance.Scrape().find("holdfast_http_shed_level{server=\"public\"} 0\n") !=
           std::string::npos;
  }));
}

TEST(SheddingTest, AServerForOperatorsRefusesNothing) {
  ServerOptions options;
  options.sheds = false;
  Instance instance(options);
  Flood flood(instance.server().port());
  ASSERT_TRUE(Eventually([&] {
    return instance.Scrape().find("holdfast_http_shed_level{server=\"public\"} 3") !=
           std::string::npos;
  }));
  // The flood's own connections are accepted before it, one with each turn of the thread.
  std::string answer;
  ASSERT_TRUE(Eventually([&] { return !(answer = instance.Ask("/list")).empty(); }));
  EXPECT_THAT(answer, EndsWith("here"));
}

TEST(SheddingTest, APoolThatRefusesSaysWhenToComeAgain) {
  Instance instance;
  const std::string answer = instance.Ask("/work");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(answer, ContainsRegex("Retry-After: ([1-9]|10)\r\n"));
}

TEST(ConnectionAgeTest, AnOldConnectionIsClosedAfterItsNextAnswer) {
  ServerOptions options;
  options.max_connection_age = 50ms;
  Instance instance(options);
  RawClient client(instance.server().port());
  int answers = 0;
  EXPECT_TRUE(Eventually([&] {
    client.Send("GET /key HTTP/1.1\r\nHost: x\r\n\r\n");
    const std::string answer = client.ReadAnswer();
    EXPECT_THAT(answer, EndsWith("here")) << "no request is lost";
    ++answers;
    return answer.find("Connection: close\r\n") != std::string::npos;
  }));
  EXPECT_GT(answers, 1);
  EXPECT_TRUE(client.Closed());
}

// Boxes behind a balancer that keeps connections and takes a new one to whoever accepts it.
class Boxes {
 public:
  explicit Boxes(std::vector<std::uint16_t> ports) : ports_(std::move(ports)) {
    for (int i = 0; i < 4; ++i) threads_.emplace_back([this, i] { Run(i); });
  }
  ~Boxes() { Stop(); }

  void SetPorts(std::vector<std::uint16_t> ports) {
    absl::MutexLock lock(&mutex_);
    ports_ = std::move(ports);
  }
  void Stop() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  int answers() const { return answers_; }
  std::vector<std::string> failures() {
    absl::MutexLock lock(&mutex_);
    return failures_;
  }

 private:
  std::unique_ptr<RawClient> Connect(std::size_t& next) {
    absl::MutexLock lock(&mutex_);
    for (std::size_t tries = 0; tries < ports_.size(); ++tries) {
      auto client = std::make_unique<RawClient>(ports_[next++ % ports_.size()]);
      if (client->connected()) return client;
    }
    return nullptr;
  }

  void Run(int number) {
    std::unique_ptr<RawClient> client;
    auto next = static_cast<std::size_t>(number);
    while (!stop_) {
      if (client == nullptr) client = Connect(next);
      if (client == nullptr) continue;
      client->Send("GET /list HTTP/1.1\r\nHost: x\r\n\r\n");
      const std::string answer = client->ReadAnswer();
      ++answers_;
      if (!answer.ends_with("here")) {
        absl::MutexLock lock(&mutex_);
        failures_.push_back(answer);
      }
      const bool closes = answer.find("Connection: close\r\n") != std::string::npos;
      if (closes || answer.empty()) client = nullptr;
    }
  }

  std::atomic<bool> stop_ = false;
  std::atomic<int> answers_ = 0;
  absl::Mutex mutex_;
  std::vector<std::uint16_t> ports_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> failures_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

TEST(RollingRestartTest, NoRequestFails) {
  std::vector<std::unique_ptr<Instance>> instances;
  for (int i = 0; i < 2; ++i) instances.push_back(std::make_unique<Instance>());
  const auto ports = [&] {
    return std::vector{instances[0]->server().port(), instances[1]->server().port()};
  };
  Boxes boxes(ports());
  for (auto& instance : instances) {
    const int before = boxes.answers();
    ASSERT_TRUE(Eventually([&] { return boxes.answers() > before + 100; }));
    instance->server().Drain(Deadline::After(10s));
    instance = std::make_unique<Instance>();
    boxes.SetPorts(ports());
  }
  const int before = boxes.answers();
  ASSERT_TRUE(Eventually([&] { return boxes.answers() > before + 100; }));
  boxes.Stop();
  EXPECT_THAT(boxes.failures(), IsEmpty());
}

}  // namespace
}  // namespace holdfast::http
