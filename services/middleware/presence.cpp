#include "services/middleware/presence.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "libs/base/status.h"

namespace holdfast::middleware {
namespace {

constexpr std::size_t kCommandsPerRoundTrip = 1000;

std::string KeyOf(std::string_view mac) { return "presence:" + std::string(mac); }

// "1767348000 192.0.2.7"
SeenBox SeenIn(std::string_view text) {
  SeenBox seen;
  const std::size_t space = text.find(' ');
  std::from_chars(text.data(), text.data() + std::min(space, text.size()), seen.at);
  if (space != std::string_view::npos) seen.address = text.substr(space + 1);
  return seen;
}

}  // namespace

void Presence::Seen(std::string_view mac, std::string_view address) {
  absl::MutexLock lock(&mutex_);
  if (seen_.contains(mac) || seen_.size() >= options_.max_waiting) return;
  seen_.emplace(mac, address);
}

absl::Status Presence::Flush(WallTime now, Deadline deadline) {
  StringMap<std::string> seen;
  {
    absl::MutexLock lock(&mutex_);
    seen.swap(seen_);
  }
  const std::string seconds =
      std::to_string(std::chrono::duration_cast<std::chrono::seconds>(options_.keep_for).count());
  const std::string at = std::to_string(EpochSeconds(now));
  std::vector<storage::RedisCommand> commands;
  const auto send = [&]() -> absl::Status {
    if (commands.empty()) return absl::OkStatus();
    const absl::Status status = redis_.Pipeline(deadline, commands).status();
    commands.clear();
    return status;
  };
  for (const auto& [mac, address] : seen) {
    commands.push_back({"SETEX", KeyOf(mac), seconds, at + " " + address});
    if (commands.size() == kCommandsPerRoundTrip) HOLDFAST_RETURN_IF_ERROR(send());
  }
  return send();
}

absl::StatusOr<StringMap<SeenBox>> Presence::Find(const std::vector<std::string>& macs,
                                                  WallTime now, Deadline deadline) const {
  StringMap<SeenBox> found;
  for (std::size_t first = 0; first < macs.size(); first += kCommandsPerRoundTrip) {
    const std::size_t last = std::min(macs.size(), first + kCommandsPerRoundTrip);
    storage::RedisCommand command = {"MGET"};
    for (std::size_t i = first; i < last; ++i) command.push_back(KeyOf(macs[i]));
    HOLDFAST_ASSIGN_OR_RETURN(const storage::RedisReply reply, redis_.Call(deadline, command));
    for (std::size_t i = first; i < last && i - first < reply.array.size(); ++i) {
      const storage::RedisReply& value = reply.array[i - first];
      if (value.kind != storage::RedisReply::Kind::kText) continue;
      SeenBox seen = SeenIn(value.text);
      seen.online = EpochSeconds(now) - seen.at <= options_.online_for.count();
      found[macs[i]] = std::move(seen);
    }
  }
  return found;
}

}  // namespace holdfast::middleware
