// get_epg_info at the size that large operators have: 1,000 channels, 96 hours, 48 programmes a
// day.
#include <gmock/gmock.h>

#include <fstream>

#include "holdfast/epg/v1/epg.pb.h"
#include "libs/testing/status_matchers.h"
#include "services/middleware/guide_blocks.h"
#include "services/middleware/gzip.h"
#include "services/middleware/plain_copies.h"
#include "services/middleware/portal_fixture_test.h"

namespace holdfast::middleware {
namespace {

constexpr std::int64_t kDay = 24 * 3600;
constexpr std::size_t kMebibyte = 1 << 20;

// Resident memory of this process in bytes.
std::size_t Resident() {
  std::ifstream file("/proc/self/statm");
  std::size_t pages = 0, resident = 0;
  file >> pages >> resident;
  return resident * 4096;
}

std::size_t Count(const std::string& text, std::string_view what) {
  std::size_t count = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) {
    ++count;
  }
  return count;
}

// `channels` channels with five days of guide from midnight, a programme each half hour.
void HaveLargeGuide(PortalFixture& box, int channels) {
  std::string m3u = "#EXTM3U\n";
  replica::Update update{.kind = replica::Update::Kind::kFull, .epoch = "large", .revision = 1};
  for (int i = 0; i < channels; ++i) {
    const std::string id = "c" + std::to_string(i);
    m3u += "#EXTINF:-1 tvg-id=\"" + id + ".example\",Channel " + id + "\nhttp://x/live/" + id +
           "/i.m3u8\n";
    for (std::int64_t day = 0; day < 6; ++day) {
      const std::int64_t midnight = kNowSeconds / kDay * kDay + day * kDay;
      epg::v1::GuideDay item;
      item.set_epg_channel_id(id + ".example");
      item.set_day(TimeZone::Utc().Format("%Y%m%d", FromEpochSeconds(midnight)));
      for (int n = 0; n < 48; ++n) {
        epg::v1::Programme& p = *item.add_programmes();
        p.set_start(midnight + n * 1800);
        p.set_stop(midnight + (n + 1) * 1800);
        p.set_title("Show " + std::to_string(n * i));
        p.set_description("What happens in part " + std::to_string(n) + " of channel " + id);
      }
      update.items.emplace_back(item.epg_channel_id() + "|" + item.day(),
                                MakeShared(item.SerializeAsString()));
    }
  }
  box.HaveLineup(m3u);
  ASSERT_THAT(box.portal().models().guide_replica().Apply(update), test::IsOk());
}

double BytesHeld(const telemetry::Metrics& metrics) {
  const std::string scrape = metrics.Scrape();
  const std::string name = "holdfast_middleware_body_cache_bytes{cache=\"guide_blocks\"} ";
  const std::size_t at = scrape.find(name);
  EXPECT_NE(at, std::string::npos);
  return at == std::string::npos ? -1 : std::stod(scrape.substr(at + name.size()));
}

TEST(LargeGuideBlockTest, ManyBoxesCostTheMemoryOfOneCompressedBlock) {
  PortalFixture box;
  box.HaveDevice();
  box.HaveEntitlement();
  HaveLargeGuide(box, 1000);
  box.LogIn();
  const std::string query = "type=itv&action=get_epg_info&period=96";
  BoxRequest request{.query = query, .authorization = "Bearer " + box.token};
  std::size_t size = 0;
  {
    const BoxAnswer answer = box.Send(request);
    EXPECT_TRUE(answer.gzipped);
    // From the one on air at 10:00 to the last that begins before 12:00 four days later.
    EXPECT_EQ(Count(answer.body, "\"real_id\":"), 1000u * 98 * 2);
    EXPECT_EQ(Count(answer.body, "],\"") + 1, 1000u);
    EXPECT_THAT(answer.body, testing::StartsWith("{\"js\":{\"data\":{\"1\":[{"));
    EXPECT_THAT(answer.body, testing::EndsWith("}]}},\"text\":\"\"}"));
    size = answer.body.size();
  }
  EXPECT_GT(size, 60 * kMebibyte);
  EXPECT_LT(BytesHeld(box.metrics()), 10 * kMebibyte);

  // In an overload it is too much to send, and is asked for again.
  BoxRequest in_overload = request;
  in_overload.admitted = Criticality::kCritical;
  EXPECT_EQ(box.Send(in_overload).status, 503);

  // Who cannot unpack it gets the same text; nothing of it stays.
  const std::size_t before = Resident();
  request.accept_encoding = "identity";
  for (int i = 0; i < 3; ++i) {
    const BoxAnswer plain = box.Send(request);
    EXPECT_FALSE(plain.gzipped);
    EXPECT_EQ(plain.body.size(), size);
  }
  EXPECT_LT(Resident(), before + size);  // as much as one copy, which the allocator may keep
  EXPECT_LT(BytesHeld(box.metrics()), 10 * kMebibyte);
}

class GuideBlocksTest : public testing::Test {
 protected:
  void SetUp() override { HaveLargeGuide(box_, 40); }
  std::shared_ptr<const Body> Block(GuideBlocks& blocks, std::int64_t hours, int minute = 0) {
    return blocks.Make(Request(hours, minute));
  }
  BlockRequest Request(std::int64_t hours, int minute = 0) const {
    return {.packages = packages_,
            .period_hours = hours,
            .zone_name = "UTC",
            .zone = TimeZone::Utc(),
            .now = FromEpochSeconds(kNowSeconds + minute * 60)};
  }

  PortalFixture box_;
  telemetry::Metrics metrics_;
  const PackageSet packages_{{"basic"}};
};

TEST_F(GuideBlocksTest, PlainCopiesAreSharedAndFewDifferentOnesAreHeld) {
  GuideBlocks blocks(box_.portal().models(), 64 * kMebibyte, metrics_);
  const auto three = Block(blocks, 3), day = Block(blocks, 24), week = Block(blocks, 168);
  http::SharedBody first = blocks.Plain(*three);
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(first->Copy(), Gunzip(three->gzip->Copy()));
  EXPECT_EQ(blocks.Plain(*three), first);
  const http::SharedBody second = blocks.Plain(*day);
  EXPECT_NE(second, nullptr);
  EXPECT_EQ(blocks.Plain(*week), nullptr);  // two are being read
  EXPECT_EQ(blocks.Plain(*three), first);
  first.reset();  // the last reader has it
  EXPECT_NE(blocks.Plain(*week), nullptr);
}

TEST_F(GuideBlocksTest, BlocksOfTheMinutesBeforeStayWithinTheCache) {
  // Room for a few blocks, while boxes of many zones and periods ask.
  const std::size_t one = [&] {
    GuideBlocks blocks(box_.portal().models(), 64 * kMebibyte, metrics_);
    return Block(blocks, 24)->gzip->size();
  }();
  telemetry::Metrics metrics;
  GuideBlocks blocks(box_.portal().models(), 3 * one, metrics);
  for (int minute = 0; minute < 100; ++minute) Block(blocks, 24, minute);
  EXPECT_LE(BytesHeld(metrics), 3.0 * static_cast<double>(one));
  // The newest is still what the others get while the next one is made.
  EXPECT_NE(blocks.Last(Request(24, 100)), nullptr);
}

}  // namespace
}  // namespace holdfast::middleware
