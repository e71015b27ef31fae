#include "libs/http/stored_body.h"

#include <gmock/gmock.h>

#include <utility>
#include <vector>

#include "libs/http/raw_client_test.h"
#include "libs/http/server.h"
#include "libs/testing/eventually.h"
#include "libs/testing/status_matchers.h"

namespace holdfast::http {
namespace {

std::string Pattern(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 31 % 251);
  return bytes;
}

TEST(StoredBodyTest, GivesBackWhatItTook) {
  for (const std::size_t size : {0u, 1u, 1000u, 8u * 1024, 100'000u, 3'000'000u}) {
    const StoredBody body(Pattern(size));
    EXPECT_EQ(body.size(), size);
    EXPECT_EQ(body.Copy(), Pattern(size));
  }
}

TEST(StoredBodyTest, OnlyLargeBodiesTakeADescriptor) {
  EXPECT_EQ(StoredBody(Pattern(4000)).file(), -1);
  EXPECT_GE(StoredBody(Pattern(100'000)).file(), 0);
}

TEST(StoredBodyTest, LeavesDescriptorsForConnections) {
  const std::string bytes = Pattern(40'000);
  std::vector<SharedBody> bodies;
  int in_files = 0;
  for (int i = 0; i < 5000; ++i) {
    bodies.push_back(Store(bytes));
    if (bodies.back()->file() >= 0) ++in_files;
  }
  EXPECT_LT(in_files, 5000);
  EXPECT_EQ(bodies.back()->Copy(), bytes);
  bodies.clear();
  EXPECT_GE(StoredBody(bytes).file(), 0);  // given back
}

class StoredBodyServerTest : public testing::Test {
 protected:
  void SetUp() override {
    Router router;
    router.Get("/kept", Inline([this](const Request&) {
                 return Response{.header_lines = "X-One: 1\r\nX-Two: 2\r\n", .stored = kept_};
               }));
    router.Get("/fresh",
               Inline([](const Request&) { return Response{.stored = Store(Pattern(100'000))}; }));
    server_ = std::make_unique<Server>(ServerOptions{}, std::move(router), metrics_);
    ASSERT_THAT(server_->Start(), test::IsOk());
  }

  static std::string Get(std::string_view path, std::string_view method = "GET") {
    return std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n\r\n";
  }
  static std::string BodyOf(const std::string& answer) {
    return answer.substr(answer.find("\r\n\r\n") + 4);
  }

  telemetry::Metrics metrics_;
  const SharedBody kept_ = Store(Pattern(8 << 20));
  std::unique_ptr<Server> server_;  // ends before what its handlers use
};

TEST_F(StoredBodyServerTest, ArrivesWholeEveryTime) {
  RawClient client(server_->port());
  client.Send(Get("/kept") + Get("/kept") + Get("/fresh"));
  for (int i = 0; i < 2; ++i) {
    const std::string answer = client.ReadAnswer();
    EXPECT_THAT(answer, testing::HasSubstr("\r\nX-One: 1\r\nX-Two: 2\r\n"));
    EXPECT_THAT(answer, testing::HasSubstr("\r\nContent-Length: 8388608\r\n"));
    EXPECT_TRUE(BodyOf(answer) == Pattern(8 << 20));
  }
  EXPECT_TRUE(BodyOf(client.ReadAnswer()) == Pattern(100'000));
}

TEST_F(StoredBodyServerTest, HeadTellsItsLengthOnly) {
  RawClient client(server_->port());
  client.Send(Get("/kept", "HEAD") + Get("/fresh"));
  EXPECT_THAT(client.ReadAnswer(/*head_only=*/true),
              testing::HasSubstr("\r\nContent-Length: 8388608\r\n"));
  EXPECT_TRUE(BodyOf(client.ReadAnswer()) == Pattern(100'000));
}

TEST_F(StoredBodyServerTest, BytesOnTheirWayOutliveTheFile) {
  RawClient client(server_->port());
  client.Send(Get("/fresh"));
  const auto answered = [&] {
    return metrics_.CounterFamily("holdfast_http_requests_total", "", {"server", "route", "code"})
               .With({"public", "/fresh", "2xx"})
               .value() > 0;
  };
  ASSERT_TRUE(test::Eventually(answered));  // the response, the only owner, is gone
  EXPECT_TRUE(BodyOf(client.ReadAnswer()) == Pattern(100'000));
}

// sendfile(2) to a closed socket raises SIGPIPE, which would end this program.
TEST_F(StoredBodyServerTest, SurvivesAClientThatLeaves) {
  const long owners = kept_.use_count();
  for (int i = 0; i < 20; ++i) {
    RawClient client(server_->port());
    client.Send(Get("/kept"));
    ASSERT_TRUE(test::Eventually([&] { return kept_.use_count() > owners; }));
  }
  EXPECT_TRUE(test::Eventually([&] { return kept_.use_count() == owners; }));
}

}  // namespace
}  // namespace holdfast::http
