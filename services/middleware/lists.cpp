#include "services/middleware/lists.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "services/middleware/gzip.h"

namespace holdfast::middleware {
namespace {

constexpr int kGzipLevel = 6;  // made once, sent to every box

Body BodyOf(std::string_view payload) {
  Body body;
  std::string whole = Envelope(payload);
  body.gzip = http::Store(Gzip(whole, kGzipLevel));
  body.plain = http::Store(std::move(whole));
  return body;
}

}  // namespace

std::string Envelope(std::string_view payload) {
  std::string body;
  body.reserve(payload.size() + 20);
  body += "{\"js\":";
  body += payload;
  body += ",\"text\":\"\"}";
  return body;
}

Lists::Lists(const ReadModels& models, std::size_t max_bytes, telemetry::Metrics& metrics)
    : models_(models), bodies_({.name = "lists", .max_bytes = max_bytes}, metrics) {}

std::shared_ptr<const ChannelRows> Lists::ReadyRows() const {
  const auto lineup = models_.lineup();
  absl::MutexLock lock(&mutex_);
  return rows_ != nullptr && rows_->lineup() == lineup ? rows_ : nullptr;
}

std::shared_ptr<const ChannelRows> Lists::MakeRows() {
  absl::MutexLock making(&making_rows_);
  if (auto rows = ReadyRows()) return rows;
  auto rows = std::make_shared<const ChannelRows>(models_.lineup());
  absl::MutexLock lock(&mutex_);
  rows_ = rows;
  return rows;
}

std::string Lists::AllChannelsKey(std::uint64_t revision, const ListView& view) const {
  std::string key = absl::StrCat("all|", revision, "|", view.packages.key());
  if (!view.favourites.empty()) absl::StrAppend(&key, "|", absl::HashOf(view.favourites));
  if (!view.censored.empty()) absl::StrAppend(&key, "|c", absl::HashOf(view.censored));
  return key;
}

std::shared_ptr<const Body> Lists::ReadyAllChannels(const ListView& view) {
  return bodies_.Find(AllChannelsKey(models_.lineup()->revision(), view));
}

std::shared_ptr<const Body> Lists::MakeAllChannels(const ListView& view) {
  const auto rows = MakeRows();
  return bodies_.GetOrMake(AllChannelsKey(rows->lineup()->revision(), view), [&] {
    const absl::flat_hash_set<ChannelId> favourites(view.favourites.begin(), view.favourites.end());
    const auto channels = ChannelsFor(*rows->lineup(), view.packages, ListKind::kMain);
    std::string js;
    js.reserve(channels.size() * 1500 + 100);
    OpenPage(js, channels.size(), kPageSize, 0, 0);
    for (const Channel* channel : channels) {
      if (channel != channels.front()) js += ',';
      rows->Append(js, *channel,
                   {.number = channel->number,
                    .favourite = favourites.contains(channel->id),
                    .censored = std::binary_search(view.censored.begin(), view.censored.end(),
                                                   channel->id)});
    }
    js += "]}";
    return BodyOf(js);
  });
}

std::string Lists::GenresKey(std::uint64_t revision, const PackageSet& packages) const {
  return absl::StrCat("genres|", revision, "|", packages.key());
}

std::shared_ptr<const Body> Lists::ReadyGenres(const PackageSet& packages) {
  return bodies_.Find(GenresKey(models_.lineup()->revision(), packages));
}

std::shared_ptr<const Body> Lists::MakeGenres(const PackageSet& packages) {
  const auto rows = MakeRows();
  return bodies_.GetOrMake(GenresKey(rows->lineup()->revision(), packages), [&] {
    return BodyOf(rows->Genres(ChannelsFor(*rows->lineup(), packages, ListKind::kAll)));
  });
}

}  // namespace holdfast::middleware
