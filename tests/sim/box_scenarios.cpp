// The whole plant as viewers see it: set-top boxes, portals in three zones, what stands behind
// them.
#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "tests/sim/boxes.h"
#include "tests/sim/scenario.h"

namespace holdfast::sim {

namespace {

using namespace std::chrono_literals;

enum Service : std::size_t { kPortal, kBilling, kEpg };

struct PlantSize {
  int portals_per_zone = 4;
  int billing_per_zone = 2;
  int epg_per_zone = 3;
  int portal_cores = 4;
};

std::vector<ServiceSpec> Plant(const PlantSize& size) {
  ServiceSpec portal = {
      .name = "middleware",
      .per_zone = size.portals_per_zone,
      .cores = size.portal_cores,
      .methods = Boxes::PortalMethods(
          {.billing = kBilling, .profile_asks_billing = 0.2, .epg = kEpg, .guide_asks_epg = 0.1}),
      .calls = {kBilling, kEpg}};
  portal.inline_gate.threads = static_cast<std::size_t>(size.portal_cores);
  portal.gate.threads = 64;
  portal.gate.queue.limit = {.floor = 4, .ceiling = 64};
  portal.gate.queue.max_waiting = 4096;
  ServiceSpec billing = {.name = "billing",
                         .per_zone = size.billing_per_zone,
                         .methods = {{.name = "GetEntitlement", .work = 2ms}}};
  ServiceSpec epg = {
      .name = "epg", .per_zone = size.epg_per_zone, .methods = {{.name = "GetPage", .work = 3ms}}};
  return {std::move(portal), std::move(billing), std::move(epg)};
}

std::size_t Of(BoxCall call) { return static_cast<std::size_t>(call); }

void ShowBoxes(Report& report, std::uint32_t boxes, const Boxes::Seen& seen) {
  report.Show("boxes", fmt::format("{}", boxes));
  report.Show("questions to the portal", fmt::format("{}", seen.all().calls));
}

Report LoseZoneUnderViewers(std::uint64_t seed, std::string_view story, std::uint32_t count,
                            const PlantSize& size) {
  Report report(story);
  World world(Plant(size), seed);
  Boxes boxes(world, kPortal, count);
  boxes.Watch();
  world.RunFor(2s);
  boxes.Look();
  world.recorder.Look();
  for (const auto& process : world.processes) {
    if (process->zone() == 1) process->GoDark();
  }
  world.RunFor(15s);
  const Boxes::Seen dark = boxes.Look();
  for (const auto& process : world.processes) {
    if (process->zone() == 1) process->Start(world.dice.Between(1s, 4s));
  }
  world.RunFor(8s);
  const Boxes::Seen back = boxes.Look();
  ShowBoxes(report, count, dark);
  report.Show("zaps in the dark", fmt::format("{}", dark.zaps().calls));
  report.ShareAtLeast("zaps that worked", dark.zaps().success(), 0.9999);
  report.AtMost("p99 of a zap in the dark", dark.link_times.Quantile(0.99), 3300ms);
  report.AtMost("failed zaps while the zone returns", back.zaps().failed, std::uint64_t{0});
  report.AtMost("p99 of a zap while it returns", back.link_times.Quantile(0.99), 20ms);
  report.AtMost("tries for each call between services", world.recorder.Look().amplification(), 1.1);
  return report;
}

Report ZoneLostUnderViewers(std::uint64_t seed) {
  return LoseZoneUnderViewers(
      seed,
      "300,000 boxes in front of 450 portals, 12 billing and 15 epg instances in three zones; all "
      "machines of one zone fall silent for 15 seconds.",
      300'000, {.portals_per_zone = 150, .billing_per_zone = 4, .epg_per_zone = 5});
}

Report ZoneLostUnderMillions(std::uint64_t seed) {
  return LoseZoneUnderViewers(
      seed,
      "2,500,000 boxes in front of 3,000 portals, 24 billing and 30 epg instances in three zones; "
      "all machines of one zone fall silent for 15 seconds.",
      2'500'000, {.portals_per_zone = 1000, .billing_per_zone = 8, .epg_per_zone = 10});
}

Report EveryBoxStarts(std::uint64_t seed) {
  constexpr std::uint32_t kBoxes = 150'000;
  Report report(
      "Power returns to a district: 150,000 boxes start within 30 seconds in front of twelve "
      "portals, six billing and nine epg instances. No client has jitter.");
  World world(Plant({}), seed);
  Boxes boxes(world, kPortal, kBoxes);
  world.RunFor(1s);
  boxes.SwitchOn(30s);
  world.RunFor(40s);
  const Boxes::Seen storm = boxes.Look();
  const Window calls = world.recorder.Look();
  world.RunFor(20s);
  const Boxes::Seen after = boxes.Look();
  ShowBoxes(report, kBoxes, storm);
  report.Exactly("boxes with a picture a minute after power returned", boxes.watching(), kBoxes);
  report.AtMost("boxes that gave up", storm.gave_up + after.gave_up, std::uint64_t{0});
  report.AtMost("boxes without channels", storm.empty_lists + after.empty_lists, std::uint64_t{0});
  report.ShareAtLeast("zaps that worked", storm.zaps().success(), 0.9999);
  report.AtMost("p99 of a zap in the storm", storm.link_times.Quantile(0.99), 50ms);
  report.AtMost("p99 of a zap afterwards", after.link_times.Quantile(0.99), 20ms);
  report.AtMost("tries for each call between services", calls.amplification(), 1.1);
  return report;
}

// The guide becomes slow behind portals that answer everything else from memory.
Report SlowBehindFast(std::uint64_t seed) {
  constexpr std::uint32_t kBoxes = 100'000;
  Report report(
      "100,000 boxes start within 40 seconds in front of twelve portals; behind the portals every "
      "epg instance is ten times as slow for the first 30 seconds.");
  World world(Plant({}), seed);
  Boxes boxes(world, kPortal, kBoxes);
  world.RunFor(1s);
  for (const std::size_t epg : world.of(kEpg)) world.process(epg).server().SetSlowness(10);
  boxes.SwitchOn(40s);
  world.RunFor(30s);
  const Boxes::Seen slow = boxes.Look();
  const Window calls = world.recorder.Look();
  for (const std::size_t epg : world.of(kEpg)) world.process(epg).server().SetSlowness(1);
  world.RunFor(3s);
  world.recorder.Look();
  world.RunFor(12s);
  const Boxes::Seen well = boxes.Look();
  const Window healed = world.recorder.Look();
  ShowBoxes(report, kBoxes, slow);
  report.ShareAtLeast("zaps that worked", slow.zaps().success(), 1);
  report.AtMost("p99 of a zap", slow.link_times.Quantile(0.99), 20ms);
  report.AtMost("boxes without channels", slow.empty_lists + well.empty_lists, std::uint64_t{0});
  report.AtMost("boxes that gave up", slow.gave_up + well.gave_up, std::uint64_t{0});
  report.ShareAtLeast("guides that were answered, stale ones included",
                      slow.asked[Of(BoxCall::kGetEpg)].success(), 0.999);
  report.AtMost("tries for each call between services", calls.amplification(), 1.1);
  report.AtMost("failed calls, three seconds after it is well", healed.all().failed,
                std::uint64_t{0});
  return report;
}

}  // namespace

std::vector<Scenario> BoxScenarios() {
  return {{"zone_lost_under_viewers",
           "300,000 boxes lose a zone",
           ZoneLostUnderViewers,
           {"zaps that worked", "failed zaps while the zone returns"}},
          {"zone_lost_under_millions",
           "2,500,000 boxes lose a zone",
           ZoneLostUnderMillions,
           {"zaps that worked", "failed zaps while the zone returns"},
           Scenario::Size::kBig},
          {"every_box_starts",
           "Every box starts within 30 seconds",
           EveryBoxStarts,
           {"boxes with a picture a minute after power returned", "boxes without channels"}},
          {"slow_behind_fast",
           "A slow dependency behind a fast one",
           SlowBehindFast,
           {"zaps that worked", "p99 of a zap"}}};
}

}  // namespace holdfast::sim
