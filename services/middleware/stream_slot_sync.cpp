#include "services/middleware/stream_slot_sync.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "holdfast/middleware/v1/replica_items.pb.h"
#include "libs/base/random.h"
#include "libs/base/status.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr const char* kKey = "stream-slots";
constexpr std::size_t kEntriesAtOnce = 100;
constexpr std::size_t kChangesInEntry = 1000;
constexpr auto kMargin = 30s;  // kept longer than the longest lease
constexpr auto kFarthest = milliseconds(48h);

absl::StatusOr<std::int64_t> MillisOf(const storage::RedisReply& time) {
  std::int64_t seconds = 0, micros = 0;
  const auto number = [](const storage::RedisReply& reply, std::int64_t& to) {
    const char* const end = reply.text.data() + reply.text.size();
    return std::from_chars(reply.text.data(), end, to).ec == std::errc();
  };
  if (time.array.size() != 2 || !number(time.array[0], seconds) || !number(time.array[1], micros)) {
    return Unavailable("redis: TIME answers no time: {}", time.text);
  }
  return seconds * 1000 + micros / 1000;
}

// "1767348000123-0"
std::int64_t MillisOfId(std::string_view id) {
  std::int64_t ms = 0;
  std::from_chars(id.data(), id.data() + id.size(), ms);
  return ms;
}

milliseconds Within(std::int64_t ms) {
  return std::clamp(milliseconds(ms), milliseconds(0), kFarthest);
}

std::string Serialize(const std::vector<StreamChange>& changes, SteadyTime now) {
  const auto ms = [](SteadyTime::duration d) {
    return std::chrono::duration_cast<milliseconds>(d).count();
  };
  v1::StreamSlotBatch batch;
  for (const StreamChange& change : changes) {
    v1::StreamSlotBatch::Change& out = *batch.add_changes();
    out.set_account_id(change.account);
    out.set_device(change.slot.device);
    out.set_since_ms(change.slot.since_ms);
    out.set_seen_ago_ms(std::max<std::int64_t>(ms(now - change.slot.seen), 0));
    out.set_left_ms(std::max<std::int64_t>(ms(change.slot.until - now), 0));
    out.set_vouches(change.slot.vouches);
  }
  return batch.SerializeAsString();
}

}  // namespace

StreamSlotSync::StreamSlotSync(std::string instance, StreamSlots& slots, storage::RedisPool& redis,
                               const Clock& clock)
    : origin_(absl::StrCat(instance, "/", SecureHex(8))),
      slots_(slots),
      redis_(redis),
      clock_(clock) {}

absl::Status StreamSlotSync::Exchange(Deadline deadline) {
  const bool was_together = std::exchange(together_, false);
  // The stream may be another one than before, with a clock of its own: read what still counts.
  if (!was_together) last_id_.clear();
  HOLDFAST_ASSIGN_OR_RETURN(const Heard heard, ReadAll(deadline));
  if (!was_together) slots_.TellAgain();
  HOLDFAST_RETURN_IF_ERROR(Tell(heard.redis_ms, deadline));
  slots_.HeardOthers();
  // A clock of Redis that was set back makes new entries look old: begin anew.
  together_ = heard.redis_ms + 1000 >= last_redis_ms_;
  last_redis_ms_ = heard.redis_ms;
  return absl::OkStatus();
}

absl::StatusOr<StreamSlotSync::Heard> StreamSlotSync::ReadAll(Deadline deadline) {
  while (true) {
    HOLDFAST_ASSIGN_OR_RETURN(const Heard heard, ReadSome(deadline));
    if (heard.entries < kEntriesAtOnce) return heard;
  }
}

absl::StatusOr<StreamSlotSync::Heard> StreamSlotSync::ReadSome(Deadline deadline) {
  const SteadyTime asked_at = clock_.SteadyNow();
  HOLDFAST_ASSIGN_OR_RETURN(
      const std::vector<storage::RedisReply> replies,
      redis_.Pipeline(deadline, {{"TIME"},
                                 {"XREAD", "COUNT", std::to_string(kEntriesAtOnce), "STREAMS", kKey,
                                  last_id_.empty() ? "0" : last_id_}}));
  if (replies.size() != 2) return Unavailable("redis: {} replies instead of 2", replies.size());
  HOLDFAST_ASSIGN_OR_RETURN(const std::int64_t redis_ms, MillisOf(replies[0]));
  const storage::RedisReply& read = replies[1];
  if (read.kind == storage::RedisReply::Kind::kError) return Unavailable("redis: {}", read.text);
  // [["stream-slots", [[id, [name, value, name, value]], ..]]], or nil.
  Heard heard{.redis_ms = redis_ms};
  if (read.array.empty() || read.array[0].array.size() != 2) return heard;
  for (const storage::RedisReply& entry : read.array[0].array[1].array) {
    if (entry.array.size() != 2) continue;
    last_id_ = entry.array[0].text;
    ++heard.entries;
    Learn(entry, redis_ms, asked_at);
  }
  return heard;
}

void StreamSlotSync::Learn(const storage::RedisReply& entry, std::int64_t redis_ms,
                           SteadyTime asked_at) {
  const std::vector<storage::RedisReply>& fields = entry.array[1].array;
  if (fields.size() != 4 || fields[1].text == origin_) return;
  v1::StreamSlotBatch batch;
  if (!batch.ParseFromString(fields[3].text)) return;  // of a release to come
  const SteadyTime sent_at = asked_at - Within(redis_ms - MillisOfId(entry.array[0].text));
  for (const v1::StreamSlotBatch::Change& change : batch.changes()) {
    StreamSlot slot;
    slot.device = change.device();
    slot.since_ms = change.since_ms();
    slot.seen = sent_at - Within(change.seen_ago_ms());
    slot.until = change.left_ms() > 0 ? sent_at + std::min(Within(change.left_ms()),
                                                           slots_.options().leases.longest())
                                      : slot.seen;
    slot.told_until = slot.until;
    slot.vouches = change.vouches();
    slots_.Learn(change.account_id(), slot);
  }
}

absl::Status StreamSlotSync::Tell(std::int64_t redis_ms, Deadline deadline) {
  const auto kept_for = std::chrono::duration_cast<milliseconds>(slots_.options().leases.longest() +
                                                                 milliseconds(kMargin));
  const std::string oldest = std::to_string(std::max<std::int64_t>(redis_ms - kept_for.count(), 0));
  while (true) {
    const std::vector<StreamChange> changes = slots_.TakeChanges(kChangesInEntry);
    if (changes.empty()) return absl::OkStatus();
    const auto replies =
        redis_.Pipeline(deadline, {{"XADD", kKey, "MINID", "~", oldest, "*", "i", origin_, "b",
                                    Serialize(changes, clock_.SteadyNow())},
                                   {"PEXPIRE", kKey, std::to_string(kept_for.count())}});
    const bool told = replies.ok() && !replies->empty() &&
                      replies->front().kind != storage::RedisReply::Kind::kError;
    if (told) continue;
    slots_.PutBack(changes);
    return replies.ok() ? Unavailable("redis: {}", replies->front().text) : replies.status();
  }
}

}  // namespace holdfast::middleware
