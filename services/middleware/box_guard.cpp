#include "services/middleware/box_guard.h"

#include <chrono>
#include <utility>

#include "services/middleware/domain/session.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostStarts = 200'000;
// A box that starts asks for a dozen things at once, of each instance.
constexpr int kCallsOfAStart = 12;

std::string_view NameOf(Refused reason) {
  switch (reason) {
    case Refused::kUnknown:
      return "unknown";
    case Refused::kMacRange:
      return "mac_range";
    case Refused::kHardware:
      return "hardware";
    case Refused::kFirmware:
      return "firmware";
    case Refused::kTooMany:
      return "too_many";
    case Refused::kBlocked:
      return "blocked";
    case Refused::kClosed:
      return "closed";
  }
  return "";
}

AttemptLimiter PerMinute(std::int64_t attempts, const Clock& clock) {
  return AttemptLimiter({.attempts = static_cast<int>(attempts), .window = 60s}, clock);
}

}  // namespace

BoxGuard::BoxGuard(const PortalConfig& config, telemetry::Metrics& metrics, const Clock& clock)
    : turn_seconds_(std::chrono::duration_cast<std::chrono::seconds>(config.heartbeat).count() +
                    kSessionOverlapSeconds),
      refused_(metrics.CounterFamily("holdfast_middleware_boxes_refused_total",
                                     "Starts of boxes that were turned away, and calls of unknown "
                                     "boxes beyond what is allowed to them (too_many).",
                                     {"reason"})),
      suspected_(metrics.CounterFamily(
          "holdfast_middleware_clones_suspected_total",
          "Starts of boxes that look like a second box with the MAC, by what shows it: another "
          "device_id, none, another device_id2 or serial number, or a session that was replaced "
          "from another address within a heartbeat.",
          {"sign"})),
      registrations_{config.registrations_per_minute > 0,
                     PerMinute(config.registrations_per_address, clock),
                     PerMinute(config.registrations_per_minute, clock)},
      tokens_{config.registrations_per_minute > 0,
              PerMinute(config.registrations_per_address, clock),
              PerMinute(config.registrations_per_minute, clock)},
      look_ups_{config.registrations_per_minute > 0,
                PerMinute(config.registrations_per_address * kCallsOfAStart, clock),
                PerMinute(config.registrations_per_minute * kCallsOfAStart, clock)} {}

bool BoxGuard::Allow(Allowance& allowance, std::string_view address) {
  // The address first: who is refused for that takes nothing away from the others.
  if (!allowance.limited || (allowance.by_address.Allow(address) && allowance.of_all.Allow(""))) {
    return true;
  }
  Count(Refused::kTooMany);
  return false;
}

void BoxGuard::Count(Refused reason) { refused_.With({NameOf(reason)}).Add(); }

void BoxGuard::SessionBegan(std::string_view mac, std::string_view address, WallTime now) {
  const std::int64_t at = EpochSeconds(now);
  bool elsewhere = false;
  {
    absl::MutexLock lock(&mutex_);
    if (at - starts_since_ >= turn_seconds_ || starts_.size() >= kMostStarts) {
      former_starts_ = std::exchange(starts_, {});
      starts_since_ = at;
    }
    const Start* last = Find(starts_, mac);
    if (last == nullptr) last = Find(former_starts_, mac);
    elsewhere = last != nullptr && at - last->at <= turn_seconds_ && last->address != address;
    starts_.insert_or_assign(std::string(mac), Start{std::string(address), at});
  }
  if (elsewhere) suspected_.With({"address"}).Add();
}

}  // namespace holdfast::middleware
