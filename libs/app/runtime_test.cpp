// A small service with a publication, and a follower of it, each in a runtime of its own.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <optional>

#include "absl/synchronization/notification.h"
#include "holdfast/replica/v1/replica.pb.h"
#include "libs/app/in_process.h"
#include "libs/http/client.h"
#include "libs/testing/eventually.h"
#include "libs/testing/process.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/temp_dir.h"
#include "libs/testing/test_etcd.h"
#include "libs/testing/test_postgres.h"

namespace holdfast::app {
namespace {

using namespace std::chrono_literals;
using replica::v1::Item;
using test::Eventually;
using test::IsOk;
using test::TempDir;
using test::TestPostgres;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

SharedBytes Edge(const std::string& text) {
  Item item;
  item.set_key(text);
  return MakeShared(item.SerializeAsString());
}

http::ClientResponse Get(const std::string& url) {
  absl::StatusOr<http::ClientResponse> response = http::Fetch({.url = url}, Deadline::After(5s));
  EXPECT_THAT(response, IsOk()) << url;
  return response.ok() ? *response : http::ClientResponse{};
}

// Publishes "edges".
class Producer {
 public:
  explicit Producer(const std::string& data_dir, std::uint16_t port = 0)
      : process_({.service = "producer", .data_dir = data_dir, .grpc_port = port},
                 [this](Runtime& runtime) {
                   runtime.Publish(edges_);
                   return runtime.RunUntilStopped();
                 }) {
    EXPECT_TRUE(process_.serving());
  }

  void Put(const std::string& key, const std::string& text) { edges_.Apply({{key, Edge(text)}}); }
  InProcess& process() { return process_; }

 private:
  // A constant epoch: what a database-backed publisher has. It survives the process.
  replica::Publication edges_{{.name = "edges", .epoch = "database"}};
  InProcess process_;
};

// Follows "edges"; refuses an edge called "bad".
class Consumer {
 public:
  Consumer(const std::string& data_dir, std::uint16_t producer_port)
      : process_({.service = "consumer",
                  .data_dir = data_dir,
                  .discovery = "static:producer=127.0.0.1:" + std::to_string(producer_port)},
                 [this](Runtime& runtime) {
                   rpc::Channel channel = runtime.Connect("producer", {});
                   replica::Replica<Item> edges(
                       {.name = "edges", .file = runtime.DataPath("edges.replica")},
                       runtime.clock(), runtime.metrics(),
                       [](std::string_view, const Item& edge) -> absl::Status {
                         if (edge.key() == "bad") return InvalidArgument("bad edge");
                         return absl::OkStatus();
                       },
                       [this](const replica::Replica<Item>::Picture& picture) {
                         absl::MutexLock lock(&mutex_);
                         picture_ = picture;
                       });
                   runtime.Follow(channel, edges);
                   runtime.ReadyWhen("edges", [&] { return edges.loaded(); });
                   return runtime.RunUntilStopped();
                 }) {
    EXPECT_TRUE(process_.serving());
  }

  std::string Find(const std::string& key) const {
    absl::MutexLock lock(&mutex_);
    if (picture_ == nullptr || !picture_->items.contains(key)) return "";
    return picture_->items.at(key)->key();
  }
  bool Learns(const std::string& key, const std::string& text) {
    return Eventually([&] { return Find(key) == text; });
  }
  double Metric(const std::string& name) {
    const std::string page = Get(process_.admin_url() + "/metrics").body;
    const std::size_t at = page.find("\n" + name + "{model=\"edges\"} ");
    return at == std::string::npos ? -1 : std::stod(page.substr(page.find(' ', at + 1)));
  }
  InProcess& process() { return process_; }

 private:
  mutable absl::Mutex mutex_;
  replica::Replica<Item>::Picture picture_ ABSL_GUARDED_BY(mutex_);
  InProcess process_;
};

TEST(Replicas, AFollowerLearnsWhatIsPublishedAndEveryChange) {
  TempDir dir;
  Producer producer(dir.File("p"));
  producer.Put("e1", "one");
  Consumer consumer(dir.File("c"), producer.process().grpc_port());
  EXPECT_TRUE(consumer.Learns("e1", "one"));
  producer.Put("e2", "two");
  EXPECT_TRUE(consumer.Learns("e2", "two"));
  EXPECT_EQ(Get(consumer.process().admin_url() + "/readyz").status, 200);
  EXPECT_EQ(consumer.Metric("holdfast_replica_connected"), 1);
  EXPECT_THAT(Get(consumer.process().admin_url() + "/dependencies").body,
              HasSubstr("from producer: revision 2"));
}

TEST(Replicas, AProducerThatDiesCostsFreshnessOnlyAndIsCaughtUpWith) {
  TempDir dir;
  std::optional<Producer> producer(std::in_place, dir.File("p"));
  const std::uint16_t port = producer->process().grpc_port();
  producer->Put("e1", "one");
  Consumer consumer(dir.File("c"), port);
  ASSERT_TRUE(consumer.Learns("e1", "one"));

  producer.reset();
  EXPECT_TRUE(Eventually([&] { return consumer.Metric("holdfast_replica_age_seconds") >= 2; }));
  EXPECT_EQ(consumer.Find("e1"), "one");
  EXPECT_EQ(consumer.Metric("holdfast_replica_connected"), 0);
  EXPECT_THAT(Get(consumer.process().admin_url() + "/dependencies").body,
              HasSubstr("last copy serves"));

  producer.emplace(dir.File("p"), port);
  producer->Put("e1", "one");
  producer->Put("e2", "two");
  EXPECT_TRUE(consumer.Learns("e2", "two"));
  EXPECT_TRUE(Eventually([&] { return consumer.Metric("holdfast_replica_age_seconds") <= 1; }));
}

TEST(Replicas, AFollowerStartsFromDiskWhenTheProducerIsAway) {
  TempDir dir;
  std::uint16_t port = 0;
  {
    Producer producer(dir.File("p"));
    port = producer.process().grpc_port();
    producer.Put("e1", "one");
    Consumer consumer(dir.File("c"), port);
    ASSERT_TRUE(consumer.Learns("e1", "one"));
  }
  Consumer consumer(dir.File("c"), port);
  EXPECT_EQ(consumer.Find("e1"), "one");
  EXPECT_EQ(Get(consumer.process().admin_url() + "/readyz").status, 200);
}

TEST(Replicas, AFollowerWithoutAnyCopyIsNotReadyAndSaysWhy) {
  TempDir dir;
  Consumer consumer(dir.File("c"), test::FreePort());
  const http::ClientResponse ready = Get(consumer.process().admin_url() + "/readyz");
  EXPECT_EQ(ready.status, 503);
  EXPECT_EQ(ready.body, "not ready: edges\n");
  EXPECT_EQ(Get(consumer.process().admin_url() + "/livez").status, 200);
}

TEST(Replicas, AProducerThatLiesIsNotBelievedUntilItIsSaneAgain) {
  TempDir dir;
  Producer producer(dir.File("p"));
  producer.Put("e1", "one");
  Consumer consumer(dir.File("c"), producer.process().grpc_port());
  ASSERT_TRUE(consumer.Learns("e1", "one"));
  producer.Put("e2", "bad");
  producer.Put("e1", "newer");
  EXPECT_EQ(consumer.Find("e2"), "");
  producer.Put("e2", "good");
  EXPECT_TRUE(consumer.Learns("e2", "good"));
  EXPECT_EQ(consumer.Find("e1"), "newer");
}

class RuntimeTest : public ::testing::Test {
 protected:
  InProcess& Start(std::function<absl::Status(Runtime&)> run) {
    process_ = std::make_unique<InProcess>(
        InProcessOptions{.service = "tester", .data_dir = dir_.File("data")}, std::move(run));
    return *process_;
  }

  TempDir dir_;
  std::unique_ptr<InProcess> process_;
};

TEST_F(RuntimeTest, TheAdminPortShowsWhatRunsHere) {
  InProcess& process = Start([](Runtime& runtime) { return runtime.RunUntilStopped(); });
  ASSERT_TRUE(process.serving());
  const std::string metrics = Get(process.admin_url() + "/metrics").body;
  EXPECT_THAT(metrics, HasSubstr("holdfast_build_info{instance=\"tester-a\",service=\"tester\""));
  EXPECT_THAT(metrics, HasSubstr("\nholdfast_process_resident_memory_bytes "));
  EXPECT_THAT(metrics, Not(HasSubstr("\nholdfast_process_open_fds 0\n")));
  EXPECT_EQ(Get(process.admin_url() + "/readyz").body, "ready\n");
  EXPECT_THAT(Get(process.admin_url() + "/debug/neighbours").body, EndsWith("\nno neighbours\n"));
  EXPECT_EQ(Get(process.admin_url() + "/nothing").status, 404);
  EXPECT_THAT(process.Stop(), IsOk());
}

TEST_F(RuntimeTest, ADependencyThatHangsDoesNotHangThePage) {
  absl::Notification over;
  InProcess& process = Start([&](Runtime& runtime) {
    runtime.ReportDependency("store", [&](Deadline) {
      over.WaitForNotification();
      return absl::OkStatus();
    });
    runtime.ReportDependency("cache", [](Deadline) { return absl::OkStatus(); });
    return runtime.RunUntilStopped();
  });
  ASSERT_TRUE(process.serving());
  EXPECT_TRUE(Eventually([&] {
    const std::string page = Get(process.admin_url() + "/metrics").body;
    return page.find("holdfast_dependency_up{dependency=\"cache\"} 1") != std::string::npos;
  }));
  EXPECT_THAT(Get(process.admin_url() + "/metrics").body,
              HasSubstr("holdfast_dependency_up{dependency=\"store\"} 0"));
  EXPECT_THAT(Get(process.admin_url() + "/dependencies").body, HasSubstr("DOWN"));
  EXPECT_EQ(Get(process.admin_url() + "/readyz").status, 200);
  over.Notify();
  EXPECT_THAT(process.Stop(), IsOk());
}

TEST_F(RuntimeTest, AJobRunsAgainAndAgainAndItsFailuresAreCounted) {
  std::atomic<int> runs = 0;
  InProcess& process = Start([&](Runtime& runtime) {
    runtime.Repeat("sweep", 5ms, [&](Deadline) -> absl::Status {
      if (++runs % 2 == 0) return Unavailable("every second one fails");
      return absl::OkStatus();
    });
    return runtime.RunUntilStopped();
  });
  ASSERT_TRUE(process.serving());
  EXPECT_TRUE(Eventually([&] { return runs >= 5; }));
  EXPECT_THAT(Get(process.admin_url() + "/metrics").body,
              Not(HasSubstr("holdfast_job_failures_total{job=\"sweep\"} 0\n")));
  EXPECT_THAT(process.Stop(), IsOk());
}

TEST_F(RuntimeTest, AJobForOneInstanceIsTakenOverWhenItsHolderEnds) {
  TestPostgres& postgres = TestPostgres::Shared();
  const storage::PgOptions lock{.hosts = postgres.host() + ":" + std::to_string(postgres.port()),
                                .database = postgres.NewDatabase(),
                                .user = postgres.user()};
  std::atomic<int> first = 0, second = 0;
  const auto count_into = [&](std::atomic<int>& counter) {
    return [&](Runtime& runtime) {
      runtime.RepeatOnOneInstance("sweep", lock, 20ms, [&](Deadline) {
        ++counter;
        return absl::OkStatus();
      });
      return runtime.RunUntilStopped();
    };
  };
  InProcess a({.service = "tester", .data_dir = dir_.File("a")}, count_into(first));
  ASSERT_TRUE(Eventually([&] { return first > 3; }));
  InProcess b({.service = "tester", .data_dir = dir_.File("b"), .zone = "b"}, count_into(second));
  ASSERT_TRUE(b.serving());
  const int before = first;
  ASSERT_TRUE(Eventually([&] { return first > before + 3; }));
  EXPECT_EQ(second, 0);

  EXPECT_THAT(a.Stop(), IsOk());
  EXPECT_TRUE(Eventually([&] { return second > 0; }));
}

TEST_F(RuntimeTest, WhoLosesAJobForOneInstanceIsToldSo) {
  const std::unique_ptr<TestPostgres> postgres = TestPostgres::Start();
  const storage::PgOptions lock{.hosts = postgres->host() + ":" + std::to_string(postgres->port()),
                                .database = postgres->NewDatabase(),
                                .user = postgres->user()};
  std::atomic<int> runs = 0, given_up = 0;
  InProcess& process = Start([&](Runtime& runtime) {
    runtime.RepeatOnOneInstance(
        "sweep", lock, 20ms,
        [&](Deadline) {
          ++runs;
          return absl::OkStatus();
        },
        [&] { ++given_up; });
    return runtime.RunUntilStopped();
  });
  ASSERT_TRUE(Eventually([&] { return runs > 3; }));
  EXPECT_EQ(given_up, 0);
  postgres->Kill();
  EXPECT_TRUE(Eventually([&] { return given_up == 1; }, 30s));
  postgres->Restart();
  const int before = runs;
  EXPECT_TRUE(Eventually([&] { return runs > before; }, 30s));
  EXPECT_EQ(given_up, 1);
  EXPECT_THAT(process.Stop(), IsOk());
}

TEST_F(RuntimeTest, TheSchemaIsPutInPlaceWhenTheDatabaseComesBack) {
  const std::unique_ptr<TestPostgres> postgres = TestPostgres::Start();
  const storage::PgOptions options{
      .hosts = postgres->host() + ":" + std::to_string(postgres->port()),
      .database = postgres->NewDatabase(),
      .user = postgres->user()};
  static constexpr storage::Migration kMigrations[] = {
      {"0001_thing", "CREATE TABLE thing (id int)"}};
  postgres->Kill();

  std::atomic<bool> in_place = false;
  InProcess& process = Start([&](Runtime& runtime) {
    storage::PgPool pool = runtime.OpenPostgres(options);
    runtime.MigrateInBackground(pool, kMigrations, [&] { in_place = true; });
    return runtime.RunUntilStopped();
  });
  ASSERT_TRUE(process.serving());
  EXPECT_FALSE(in_place);
  postgres->Restart();
  EXPECT_TRUE(Eventually([&] { return in_place.load(); }, 30s));
  EXPECT_THAT(process.Stop(), IsOk());
}

TEST_F(RuntimeTest, ATakenPortEndsTheRunWithAnError) {
  InProcess& process = Start([](Runtime& runtime) { return runtime.RunUntilStopped(); });
  ASSERT_TRUE(process.serving());
  InProcess second(
      {.service = "tester", .data_dir = dir_.File("second"), .grpc_port = process.grpc_port()},
      [](Runtime& runtime) { return runtime.RunUntilStopped(); });
  EXPECT_FALSE(second.serving());
  EXPECT_THAT(second.Stop(), test::HasCode(absl::StatusCode::kUnavailable));
}

TEST_F(RuntimeTest, ARequestUnderWayIsAnsweredBeforeTheProgramEnds) {
  absl::Notification arrived, go_on;
  InProcess& process = Start([&](Runtime& runtime) {
    http::Router router;
    router.Get("/slow", http::Worker(runtime.workers(), [&](const http::Request&) {
                 arrived.Notify();
                 go_on.WaitForNotification();
                 return http::Response::Text(200, "done");
               }));
    runtime.ServeHttp({}, std::move(router));
    return runtime.RunUntilStopped();
  });
  ASSERT_TRUE(process.serving());
  const std::string url = process.http_url() + "/slow";
  http::ClientResponse answer;
  std::thread box([&] { answer = Get(url); });
  arrived.WaitForNotification();
  const std::string readyz = process.admin_url() + "/readyz";
  process.runtime().RequestStop();
  EXPECT_TRUE(Eventually([&] { return Get(readyz).body == "draining\n"; }));
  go_on.Notify();
  box.join();
  EXPECT_EQ(answer.body, "done");
  EXPECT_THAT(process.Stop(), IsOk());
}

// Callers are told before the door closes, and keep their connections to it until the last answer.
TEST_F(RuntimeTest, AProgramThatStopsIsDrainingForDiscoveryUntilItsLastAnswer) {
  const auto etcd = test::TestEtcd::Start();
  ASSERT_NE(etcd, nullptr);
  telemetry::Metrics metrics;
  SeededRandom random(1);
  const auto directory = discovery::OpenDirectory({.spec = "etcd:" + etcd->url()},
                                                  SystemClock::Get(), random, metrics);
  ASSERT_THAT(directory, IsOk());
  absl::Mutex mutex;
  discovery::InstanceSet seen;
  const auto watch = (*directory)->Subscribe("tester", [&](const discovery::InstanceSet& set) {
    absl::MutexLock lock(&mutex);
    seen = set;
  });
  const auto shows = [&](std::size_t instances, discovery::State state_of_first) {
    return Eventually([&] {
      absl::MutexLock lock(&mutex);
      return seen.size() == instances && seen[0].state == state_of_first;
    });
  };
  InProcess staying({.service = "tester",
                     .data_dir = dir_.File("b"),
                     .discovery = "etcd:" + etcd->url(),
                     .zone = "b"},
                    [](Runtime& runtime) { return runtime.RunUntilStopped(); });
  absl::Notification arrived, go_on;
  InProcess leaving(
      {.service = "tester", .data_dir = dir_.File("a"), .discovery = "etcd:" + etcd->url()},
      [&](Runtime& runtime) {
        http::Router router;
        router.Get("/slow", http::Worker(runtime.workers(), [&](const http::Request&) {
                     arrived.Notify();
                     go_on.WaitForNotification();
                     return http::Response::Text(200, "done");
                   }));
        runtime.ServeHttp({}, std::move(router));
        return runtime.RunUntilStopped();
      });
  ASSERT_TRUE(staying.serving() && leaving.serving());
  ASSERT_TRUE(shows(2, discovery::State::kServing));
  const std::string url = leaving.http_url() + "/slow";
  http::ClientResponse answer;
  std::thread box([&] { answer = Get(url); });
  arrived.WaitForNotification();
  leaving.runtime().RequestStop();
  EXPECT_TRUE(shows(2, discovery::State::kDraining));
  go_on.Notify();
  box.join();
  EXPECT_EQ(answer.body, "done");
  EXPECT_TRUE(shows(1, discovery::State::kServing));
  EXPECT_THAT(leaving.Stop(), IsOk());
  EXPECT_THAT(staying.Stop(), IsOk());
}

}  // namespace
}  // namespace holdfast::app
