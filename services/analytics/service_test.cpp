#include "services/analytics/service.h"

#include <gmock/gmock.h>

#include <limits>

#include "libs/testing/fake_clock.h"
#include "libs/testing/status_matchers.h"
#include "libs/testing/temp_dir.h"
#include "services/analytics/fake_store.h"

namespace holdfast::analytics {
namespace {

using namespace std::chrono_literals;
using test::HasCode;
using test::IsOk;
using testing::ElementsAre;

class ServiceTest : public testing::Test {
 protected:
  ServiceTest() { service_.Register(table_); }

  // As the server calls it.
  template <class Response>
  absl::StatusOr<Response> Call(std::string_view method, const google::protobuf::Message& request) {
    SeededRandom random(1);
    for (const rpc::ServiceTable::Method& m : table_.methods()) {
      if (m.name != method) continue;
      Response response;
      const rpc::Call call(Deadline::After(10s), telemetry::TraceContext::Start(random));
      HOLDFAST_RETURN_IF_ERROR(m.unary(call, request, response));
      return response;
    }
    return Unimplemented("no method {}", method);
  }

  v1::PlaybackEvent Event(std::string_view id, v1::PlaybackEvent::Kind kind) {
    v1::PlaybackEvent event;
    event.set_event_id(std::string(id));
    event.set_kind(kind);
    event.set_channel_id("7");
    event.set_error(kind == v1::PlaybackEvent::KIND_ERROR ? "stall" : "");
    event.set_at_ms(EpochMillis(clock_.Now()));
    return event;
  }

  test::TempDir dir_;
  test::FakeClock clock_;
  telemetry::Metrics registry_;
  Metrics metrics_{registry_};
  EventBuffer buffer_{{.max_events = 10}};
  FakeStore store_;
  PopularityList popularity_{dir_.File("popularity.replica"), clock_, registry_};
  Service service_{{.popularity_stale_after = 20s}, buffer_, popularity_, store_, metrics_, clock_};
  rpc::ServiceTable table_{std::string(Service::kServiceName)};
};

TEST_F(ServiceTest, IngestTakesGoodEventsAndTellsAboutTheOthers) {
  v1::IngestRequest request;
  *request.add_events() = Event("a", v1::PlaybackEvent::KIND_PLAY);
  *request.add_events() = Event("a", v1::PlaybackEvent::KIND_PLAY);
  *request.add_events() = Event("b", v1::PlaybackEvent::KIND_ERROR);
  *request.add_events() = Event("c", v1::PlaybackEvent::KIND_UNSPECIFIED);
  *request.add_events() = Event("", v1::PlaybackEvent::KIND_PLAY);
  v1::PlaybackEvent ancient = Event("d", v1::PlaybackEvent::KIND_PLAY);
  ancient.set_at_ms(0);
  *request.add_events() = ancient;
  v1::PlaybackEvent beyond = Event("e", v1::PlaybackEvent::KIND_PLAY);
  beyond.set_at_ms(std::numeric_limits<std::int64_t>::max());
  *request.add_events() = beyond;

  ASSERT_OK_AND_ASSIGN(const v1::IngestResponse response,
                       Call<v1::IngestResponse>("Ingest", request));
  EXPECT_EQ(response.accepted(), 2);
  EXPECT_EQ(response.duplicates(), 1);
  EXPECT_EQ(response.refused(), 4);
  EXPECT_EQ(buffer_.size(), 2u);
  EXPECT_EQ(metrics_.errors.value(), 1);
}

TEST_F(ServiceTest, IngestTwiceCountsOnce) {
  v1::IngestRequest request;
  *request.add_events() = Event("a", v1::PlaybackEvent::KIND_PLAY);
  ASSERT_THAT(Call<v1::IngestResponse>("Ingest", request), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::IngestResponse again, Call<v1::IngestResponse>("Ingest", request));
  EXPECT_EQ(again.accepted(), 0);
  EXPECT_EQ(again.duplicates(), 1);
}

TEST_F(ServiceTest, IngestAsksToWaitWhenNothingMoreFits) {
  v1::IngestRequest request;
  for (int i = 0; i < 11; ++i) {
    *request.add_events() = Event("e" + std::to_string(i), v1::PlaybackEvent::KIND_PLAY);
  }
  EXPECT_THAT(Call<v1::IngestResponse>("Ingest", request),
              HasCode(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(buffer_.size(), 0u);
}

TEST_F(ServiceTest, IngestRefusesABatchBeyondAllMeasure) {
  v1::IngestRequest request;
  for (int i = 0; i < 10'001; ++i) request.add_events();
  EXPECT_THAT(Call<v1::IngestResponse>("Ingest", request),
              HasCode(absl::StatusCode::kInvalidArgument));
}

TEST_F(ServiceTest, RecommendsWhatIsPopular) {
  ASSERT_THAT(popularity_.Renew({{ChannelId("3"), 9}, {ChannelId("1"), 4}, {ChannelId("2"), 1}}),
              IsOk());
  v1::RecommendRequest request;
  request.set_limit(2);
  ASSERT_OK_AND_ASSIGN(const v1::RecommendResponse response,
                       Call<v1::RecommendResponse>("Recommend", request));
  EXPECT_THAT(response.channel_ids(), ElementsAre("3", "1"));
  EXPECT_FALSE(response.degraded());
}

TEST_F(ServiceTest, AnOldListIsAnsweredAsDegraded) {
  ASSERT_THAT(popularity_.Renew({{ChannelId("3"), 9}}), IsOk());
  clock_.Advance(21s);
  ASSERT_OK_AND_ASSIGN(const v1::RecommendResponse response,
                       Call<v1::RecommendResponse>("Recommend", v1::RecommendRequest()));
  EXPECT_THAT(response.channel_ids(), ElementsAre("3"));
  EXPECT_TRUE(response.degraded());
  EXPECT_EQ(response.age_seconds(), 21);
}

TEST_F(ServiceTest, ReportsShowSums) {
  store_.by_channel = {{"7", {.plays = 1, .stops = 2, .heartbeats = 3, .errors = 4, .zaps = 5}}};
  store_.by_edge = {{"edge-a", {.plays = 6}}};
  store_.errors = {{"stall", 8}};
  v1::ReportRequest request;
  request.set_from_ms(1);
  request.set_to_ms(100'000);
  ASSERT_OK_AND_ASSIGN(const auto channels,
                       Call<v1::ListChannelCountsResponse>("ListChannelCounts", request));
  EXPECT_EQ(channels.rows(0).channel_id(), "7");
  EXPECT_EQ(channels.rows(0).counts().heartbeats(), 3);
  EXPECT_EQ(channels.rows(0).counts().zaps(), 5);
  ASSERT_OK_AND_ASSIGN(const auto edges,
                       Call<v1::ListEdgeCountsResponse>("ListEdgeCounts", request));
  EXPECT_EQ(edges.rows(0).edge_id(), "edge-a");
  ASSERT_OK_AND_ASSIGN(const auto errors,
                       Call<v1::ListErrorCountsResponse>("ListErrorCounts", request));
  EXPECT_EQ(errors.rows(0).error(), "stall");
  EXPECT_EQ(errors.rows(0).count(), 8);
}

TEST_F(ServiceTest, ReportsRefuseRangesThatMakeNoSense) {
  struct Range {
    std::int64_t from, to;
    int limit;
  };
  for (const Range range : {Range{0, 0, 0}, Range{2, 1, 0}, Range{0, 32ll * 86400 * 1000, 0},
                            Range{0, 1000, -1}, Range{0, 1000, 1001},
                            Range{std::numeric_limits<std::int64_t>::min(),
                                  std::numeric_limits<std::int64_t>::max(), 0}}) {
    v1::ReportRequest request;
    request.set_from_ms(range.from);
    request.set_to_ms(range.to);
    request.set_limit(range.limit);
    EXPECT_THAT(Call<v1::ListChannelCountsResponse>("ListChannelCounts", request),
                HasCode(absl::StatusCode::kInvalidArgument))
        << range.from << " " << range.to << " " << range.limit;
  }
}

}  // namespace
}  // namespace holdfast::analytics
