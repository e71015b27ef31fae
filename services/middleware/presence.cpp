#include "services/middleware/presence.h"

#include <utility>
#include <vector>

#include "libs/base/status.h"

namespace holdfast::middleware {
namespace {

constexpr std::size_t kCommandsPerRoundTrip = 1000;

}  // namespace

void Presence::Seen(std::string_view mac) {
  absl::MutexLock lock(&mutex_);
  if (seen_.contains(mac) || seen_.size() >= options_.max_waiting) return;
  seen_.emplace(mac);
}

absl::Status Presence::Flush(storage::RedisPool& redis, Deadline deadline) {
  StringSet seen;
  {
    absl::MutexLock lock(&mutex_);
    seen.swap(seen_);
  }
  const std::string seconds = std::to_string(options_.keep_for.count());
  std::vector<storage::RedisCommand> commands;
  const auto send = [&]() -> absl::Status {
    if (commands.empty()) return absl::OkStatus();
    const absl::Status status = redis.Pipeline(deadline, commands).status();
    commands.clear();
    return status;
  };
  for (const std::string& mac : seen) {
    commands.push_back({"SETEX", "presence:" + mac, seconds, "1"});
    if (commands.size() == kCommandsPerRoundTrip) HOLDFAST_RETURN_IF_ERROR(send());
  }
  return send();
}

}  // namespace holdfast::middleware
