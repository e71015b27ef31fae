#include "services/middleware/guide_blocks.h"

#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/middleware/epg_rows.h"
#include "services/middleware/json_writer.h"

namespace holdfast::middleware {
namespace {

constexpr int kGzipLevel = 4;
constexpr std::int64_t kSecondsAfterPeriod = 2 * 3600;  // the protocol adds two hours
constexpr std::int64_t kForgetPartAfter = 2 * 3600;
constexpr std::int64_t kLastIsGoodFor = 60;  // minutes
constexpr std::size_t kMaxLatest = 1024;
constexpr std::size_t kMaxPlain = 2;

std::int64_t Minute(WallTime now) { return EpochSeconds(now) / 60; }

std::string RenderPart(const Channel& channel, std::span<const Programme> programmes,
                       const TimeZone& zone, std::int64_t now) {
  std::string text = absl::StrCat("\"", channel.id.value(), "\":");
  text.reserve(programmes.size() * 600 + 100);
  JsonWriter json(text);
  json.BeginArray();
  for (const Programme& programme : programmes) {
    json.BeginObject();
    AppendRowFields(json, channel, programme, zone, now);
    json.EndObject();
  }
  json.EndArray();
  return text;
}

}  // namespace

GuideBlocks::GuideBlocks(const ReadModels& models, std::size_t max_bytes,
                         telemetry::Metrics& metrics)
    : models_(models),
      max_part_bytes_(max_bytes),
      blocks_({.name = "guide_blocks", .max_bytes = max_bytes}, metrics),
      plain_(kMaxPlain),
      head_(MakeGzipPart("{\"js\":{\"data\":{", kGzipLevel)),
      comma_(MakeGzipPart(",", kGzipLevel)),
      tail_(MakeGzipPart("}},\"text\":\"\"}", kGzipLevel)) {}

std::string GuideBlocks::KeyOf(const BlockRequest& request) const {
  return absl::StrCat(models_.lineup()->revision(), "|", models_.guide()->revision, "|",
                      Minute(request.now), "|", request.period_hours, "|", request.zone_name, "|",
                      request.packages.key());
}

std::shared_ptr<const Body> GuideBlocks::Ready(const BlockRequest& request) {
  return blocks_.Find(KeyOf(request));
}

GuideBlocks::Latest& GuideBlocks::LatestFor(const BlockRequest& request) {
  const std::string key =
      absl::StrCat(request.period_hours, "|", request.zone_name, "|", request.packages.key());
  if (latest_.size() >= kMaxLatest && !latest_.contains(key)) latest_.clear();
  return latest_[key];
}

std::shared_ptr<const Body> GuideBlocks::Last(const BlockRequest& request) {
  std::string key;
  {
    absl::MutexLock lock(&mutex_);
    const Latest& latest = LatestFor(request);
    if (latest.minute + kLastIsGoodFor >= Minute(request.now)) key = latest.key;
  }
  return key.empty() ? nullptr : blocks_.Find(key);
}

bool GuideBlocks::Claim(const BlockRequest& request) {
  std::string key = KeyOf(request);
  absl::MutexLock lock(&mutex_);
  Latest& latest = LatestFor(request);
  if (latest.claimed == key) return false;
  latest.claimed = std::move(key);
  return true;
}

void GuideBlocks::GiveUp(const BlockRequest& request) {
  absl::MutexLock lock(&mutex_);
  LatestFor(request).claimed.clear();
}

std::shared_ptr<const Body> GuideBlocks::Make(const BlockRequest& request) {
  std::string key = KeyOf(request);
  auto body = blocks_.GetOrMake(key, [&] {
    const auto lineup = models_.lineup();
    const auto guide = models_.guide();
    GzipJoiner joiner;
    joiner.Add(head_);
    bool first = true;
    for (const Channel* channel : ChannelsFor(*lineup, request.packages, ListKind::kAll)) {
      const SharedPart part = PartOf(*channel, *guide, request);
      if (part == nullptr) continue;
      if (!first) joiner.Add(comma_);
      joiner.Add(*part);
      first = false;
    }
    joiner.Add(tail_);
    ForgetUnusedParts(EpochSeconds(request.now));
    return Body{.gzip = http::Store(std::move(joiner).Finish())};
  });
  absl::MutexLock lock(&mutex_);
  Latest& latest = LatestFor(request);
  if (latest.minute <= Minute(request.now)) {
    latest.key = std::move(key);
    latest.minute = Minute(request.now);
  }
  return body;
}

GuideBlocks::SharedPart GuideBlocks::PartOf(const Channel& channel, const Guide& guide,
                                            const BlockRequest& request) {
  const SharedSchedule* schedule = Find(guide.schedules, channel.guide_id);
  if (schedule == nullptr) return nullptr;
  const std::int64_t now = Minute(request.now) * 60;
  const auto programmes =
      (*schedule)->Between(now, now + request.period_hours * 3600 + kSecondsAfterPeriod);
  if (programmes.empty()) return nullptr;

  CachedPart wanted{.schedule = *schedule,
                    .first = programmes.front().start,
                    .last = programmes.back().start,
                    .on_air = programmes.front().start <= now,
                    .used_at = now};
  const std::string key =
      absl::StrCat(channel.id.value(), "|", channel.catch_up_hours, "|", channel.catch_up_since,
                   "|", request.zone_name, "|", request.period_hours);
  {
    absl::MutexLock lock(&mutex_);
    CachedPart* held = Find(parts_, key);
    if (held != nullptr && held->schedule == wanted.schedule && held->first == wanted.first &&
        held->last == wanted.last && held->on_air == wanted.on_air) {
      held->used_at = now;
      return held->part;
    }
  }
  wanted.part = std::make_shared<const GzipPart>(
      MakeGzipPart(RenderPart(channel, programmes, request.zone, now), kGzipLevel));
  SharedPart part = wanted.part;
  absl::MutexLock lock(&mutex_);
  Keep(key, std::move(wanted));
  return part;
}

void GuideBlocks::Keep(const std::string& key, CachedPart part) {
  // Zones and periods are the boxes' choice: the parts of a few are dear, and soon made again.
  if (part_bytes_ > max_part_bytes_) {
    parts_.clear();
    part_bytes_ = 0;
  }
  CachedPart& held = parts_[key];
  if (held.part != nullptr) part_bytes_ -= SizeOf(*held.part);
  part_bytes_ += SizeOf(*part.part);
  held = std::move(part);
}

void GuideBlocks::ForgetUnusedParts(std::int64_t now) {
  absl::MutexLock lock(&mutex_);
  absl::erase_if(parts_, [&](const auto& entry) {
    if (entry.second.used_at + kForgetPartAfter >= now) return false;
    part_bytes_ -= SizeOf(*entry.second.part);
    return true;
  });
}

}  // namespace holdfast::middleware
