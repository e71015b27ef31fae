#include "libs/app/publications.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "absl/synchronization/mutex.h"
#include "libs/testing/eventually.h"
#include "libs/testing/status_matchers.h"

namespace holdfast::app {
namespace {

using replica::v1::WatchRequest;
using replica::v1::WatchResponse;
using test::Eventually;
using test::HasCode;

// A follower that remembers what it was sent and leaves when told to.
class Listener final : public rpc::StreamWriter {
 public:
  bool Write(const google::protobuf::Message& message) override {
    absl::MutexLock lock(&mutex_);
    received_.push_back(static_cast<const WatchResponse&>(message));
    return !gone_;
  }
  bool cancelled() const override {
    absl::MutexLock lock(&mutex_);
    return gone_;
  }
  void Leave() {
    absl::MutexLock lock(&mutex_);
    gone_ = true;
  }
  std::vector<WatchResponse> received() const {
    absl::MutexLock lock(&mutex_);
    return received_;
  }

 private:
  mutable absl::Mutex mutex_;
  std::vector<WatchResponse> received_ ABSL_GUARDED_BY(mutex_);
  bool gone_ ABSL_GUARDED_BY(mutex_) = false;
};

class PublicationServiceTest : public ::testing::Test {
 protected:
  PublicationServiceTest() {
    service_.Add(edges_);
    service_.Register(table_);
  }
  ~PublicationServiceTest() override {
    listener_.Leave();
    service_.Stop();
    if (thread_.joinable()) thread_.join();
  }

  absl::Status Watch(const WatchRequest& request) {
    const rpc::Call call(Deadline::Never(), {});
    return table_.methods().front().stream(call, request, listener_);
  }
  void WatchOnThread(WatchRequest request) {
    request.set_model("edges");
    thread_ = std::thread([this, request] { result_ = Watch(request); });
  }
  bool Received(std::size_t count) {
    return Eventually([&] { return listener_.received().size() >= count; });
  }

  replica::Publication edges_{{.name = "edges"}};
  PublicationService service_;
  rpc::ServiceTable table_{std::string(PublicationService::kServiceName)};
  Listener listener_;
  absl::Status result_;
  std::thread thread_;
};

TEST_F(PublicationServiceTest, AModelThatIsNotPublishedIsNotFound) {
  WatchRequest request;
  request.set_model("guide");
  EXPECT_THAT(Watch(request), HasCode(absl::StatusCode::kNotFound));
}

TEST_F(PublicationServiceTest, ANewFollowerGetsEverythingThenChanges) {
  edges_.Apply({{"e1", MakeShared("one")}, {"e2", MakeShared("two")}});
  WatchOnThread({});
  ASSERT_TRUE(Received(1));
  edges_.Apply({{"e1", nullptr}});
  ASSERT_TRUE(Received(2));

  const std::vector<WatchResponse> received = listener_.received();
  EXPECT_EQ(received[0].kind(), WatchResponse::KIND_FULL);
  EXPECT_EQ(received[0].items_size(), 2);
  EXPECT_EQ(received[1].kind(), WatchResponse::KIND_DELTA);
  EXPECT_TRUE(received[1].items(0).deleted());
  EXPECT_GT(received[1].revision(), received[0].revision());
}

TEST_F(PublicationServiceTest, AFollowerThatReturnsGetsOnlyWhatItMissed) {
  edges_.Apply({{"e1", MakeShared("one")}});
  WatchRequest request;
  request.set_epoch(edges_.epoch());
  request.set_known_revision(edges_.revision());
  edges_.Apply({{"e2", MakeShared("two")}});
  WatchOnThread(request);
  ASSERT_TRUE(Received(1));
  EXPECT_EQ(listener_.received()[0].kind(), WatchResponse::KIND_DELTA);
  EXPECT_EQ(listener_.received()[0].items_size(), 1);
}

TEST_F(PublicationServiceTest, AQuietPublicationSendsHeartbeats) {
  edges_.Apply({{"e1", MakeShared("one")}});
  WatchOnThread({});
  ASSERT_TRUE(Received(2));
  EXPECT_EQ(listener_.received()[1].kind(), WatchResponse::KIND_HEARTBEAT);
}

TEST_F(PublicationServiceTest, ALargeUpdateComesInPartsOfAboutAMegabyte) {
  std::vector<std::pair<std::string, SharedBytes>> items;
  for (int i = 0; i < 50; ++i) {
    items.emplace_back("e" + std::to_string(i), MakeShared(std::string(100'000, 'x')));
  }
  items.emplace_back("large", MakeShared(std::string(3 << 20, 'y')));
  edges_.Apply(std::move(items));
  WatchOnThread({});
  ASSERT_TRUE(Eventually([&] {
    const auto received = listener_.received();
    return !received.empty() && !received.back().more_parts();
  }));

  int total = 0;
  for (const WatchResponse& part : listener_.received()) {
    EXPECT_EQ(part.revision(), edges_.revision());
    EXPECT_TRUE(part.items_size() == 1 || part.ByteSizeLong() < 1'100'000);
    total += part.items_size();
  }
  EXPECT_EQ(total, 51);
}

TEST_F(PublicationServiceTest, StoppingEndsStreamsAtOnce) {
  WatchOnThread({});
  service_.Stop();
  thread_.join();
  EXPECT_THAT(result_, HasCode(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace holdfast::app
