#include "tests/chaos/pacing.h"

#include <cstdlib>
#include <thread>

#include "libs/base/status.h"

namespace holdfast::test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kBetweenZaps(250);
constexpr int kZapsPerHeartbeat = 20;
constexpr int kZapsPerGuide = 40;
constexpr int kZapsPerList = 60;
constexpr int kFailuresTold = 5;

void Count(const absl::Status& status, const std::string& what, ZapReport& report) {
  if (status.ok()) return;
  if (report.failures++ < kFailuresTold) {
    report.first_few += fmt::format("{}: {}\n", what, ToString(status));
  }
}

absl::Status GuideIsFull(Box& box, int guide_channels) {
  HOLDFAST_ASSIGN_OR_RETURN(const int filled, box.CountChannelsWithGuide());
  if (filled >= guide_channels / 2) return absl::OkStatus();
  return DataLoss("{} of {} channels have programmes", filled, guide_channels);
}

absl::Status ListIsWhole(Box& box, std::size_t channels) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<BoxChannel> listed, box.ListChannels());
  if (listed.size() == channels) return absl::OkStatus();
  return DataLoss("{} of {} channels listed", listed.size(), channels);
}

}  // namespace

std::chrono::seconds OutageLength() {
  const char* seconds = std::getenv("HOLDFAST_CHAOS_SECONDS");
  return std::chrono::seconds(seconds == nullptr ? 60 : std::max(1, std::atoi(seconds)));
}

ZapReport KeepWatching(Box& box, const std::vector<std::string>& portals,
                       const std::vector<BoxChannel>& channels, int guide_channels,
                       std::chrono::seconds how_long) {
  ZapReport report;
  const Clock::time_point end = Clock::now() + how_long;
  for (Clock::time_point next = Clock::now(); next < end; next += kBetweenZaps) {
    std::this_thread::sleep_until(next);  // the pace of a viewer, not a wait for something
    const BoxChannel& channel = channels[report.zaps % channels.size()];
    const std::string& portal = portals[report.zaps % portals.size()];
    box.GoTo(portal);
    Count(box.Zap(channel).status(), fmt::format("zap to {} through {}", channel.name, portal),
          report);
    if (report.zaps % kZapsPerHeartbeat == 0) Count(box.Heartbeat(), "heartbeat", report);
    if (report.zaps % kZapsPerGuide == 0) Count(GuideIsFull(box, guide_channels), "guide", report);
    if (report.zaps % kZapsPerList == 0) Count(ListIsWhole(box, channels.size()), "list", report);
    ++report.zaps;
  }
  return report;
}

}  // namespace holdfast::test
