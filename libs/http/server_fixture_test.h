// A server with one route of each kind, for its tests.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "libs/http/raw_client_test.h"
#include "libs/http/server.h"
#include "libs/telemetry/trace.h"
#include "libs/testing/status_matchers.h"

namespace holdfast::http {

// Held replies and what handlers saw, for tests that complete them later.
class ServerTest : public testing::Test {
 protected:
  static ServerOptions Quick() {
    ServerOptions options;
    options.idle_timeout = std::chrono::seconds(5);
    options.read_timeout = std::chrono::seconds(5);
    options.max_body_bytes = 1000;
    options.max_head_bytes = 4096;
    return options;
  }

  void Serve(const ServerOptions& options = Quick()) {
    Router router;
    router.Get("/hello", Inline([](const Request&) { return Response::Text(200, "hello"); }));
    router.Any("/echo", Inline([](const Request& r) {
                 return Response::Text(200, std::string(r.method()) + " " + std::string(r.query()) +
                                                " " + std::string(r.body()));
               }));
    router.Get("/parts/{one}/x/{rest*}", Inline([](const Request& r) {
                 return Response::Text(200, r.captures()[0] + "|" + r.captures()[1]);
               }));
    router.Get("/big", Inline([this](const Request&) { return Response{.bytes = big_}; }));
    router.Get("/held", [this](const Request&, Reply reply) {
      absl::MutexLock lock(&mutex_);
      held_.push_back(std::move(reply));
    });
    router.Get("/dropped", [](const Request&, Reply) {});
    router.Get("/work", Worker(pool_, [this](const Request& r) {
                 work_may_end_.WaitForNotification();
                 return Response::Text(200, "done " + std::string(r.query()));
               }));
    router.Get("/nothing", Inline([](const Request&) { return Response{.status = 204}; }));
    router.Get("/trace", Inline([](const Request&) {
                 return Response::Text(200, telemetry::ScopedTrace::Current()->trace_id.ToString());
               }));
    router.Get("/headers", Inline([](const Request&) {
                 Response response = Response::Text(200, "x");
                 response.headers = {
                     {"Connection", "close"}, {"X-Bad", "a\r\nX-Injected: 1"}, {"X-Good", "1"}};
                 return response;
               }));
    server_ = std::make_unique<Server>(options, std::move(router), metrics_);
    ASSERT_THAT(server_->Start(), test::IsOk());
  }

  void TearDown() override {
    if (!work_may_end_.HasBeenNotified()) work_may_end_.Notify();
  }

  std::size_t held() {
    absl::MutexLock lock(&mutex_);
    return held_.size();
  }

  // The whole answer to raw bytes; the connection must end by itself.
  std::string Exchange(std::string_view bytes) {
    RawClient client(server_->port());
    client.Send(bytes);
    client.FinishSending();
    return client.ReadAll();
  }

  std::string Url(std::string_view path) {
    return "http://127.0.0.1:" + std::to_string(server_->port()) + std::string(path);
  }

  telemetry::Metrics metrics_;
  const SharedBytes big_ = MakeShared(std::string(8 << 20, 'b'));
  absl::Notification work_may_end_;
  WorkerPool pool_{{.name = "test", .threads = 1, .max_waiting = 1}};
  absl::Mutex mutex_;
  std::vector<Reply> held_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Server> server_;  // ends before what its handlers use
};

}  // namespace holdfast::http
