// Channel lists: rendered once per lineup and set of packages, shared by all boxes that may see the
// same channels.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "services/middleware/body_cache.h"
#include "services/middleware/channel_rows.h"
#include "services/middleware/read_models.h"

namespace holdfast::middleware {

// What an account's list depends on. Boxes with favourites get a variant of their own, made from
// the same row pieces with other marks; most boxes have none and share one body.
struct ListView {
  const PackageSet& packages;
  absl::Span<const ChannelId> favourites;
  absl::Span<const ChannelId> censored;  // by the viewer; sorted
};

// Thread-safe. What begins with Ready never blocks and may answer null: then the caller goes to a
// worker and makes it.
class Lists {
 public:
  Lists(const ReadModels& models, std::size_t max_bytes, telemetry::Metrics& metrics);

  std::shared_ptr<const ChannelRows> ReadyRows() const;
  std::shared_ptr<const ChannelRows> MakeRows();

  // The whole answer to get_all_channels and get_genres, envelope included.
  std::shared_ptr<const Body> ReadyAllChannels(const ListView& view);
  std::shared_ptr<const Body> MakeAllChannels(const ListView& view);
  std::shared_ptr<const Body> ReadyGenres(const PackageSet& packages);
  std::shared_ptr<const Body> MakeGenres(const PackageSet& packages);

 private:
  std::string AllChannelsKey(std::uint64_t revision, const ListView& view) const;
  std::string GenresKey(std::uint64_t revision, const PackageSet& packages) const;

  const ReadModels& models_;
  BodyCache bodies_;
  mutable absl::Mutex mutex_;
  std::shared_ptr<const ChannelRows> rows_ ABSL_GUARDED_BY(mutex_);  // null before the first
  absl::Mutex making_rows_;  // held while rows are made; workers only
};

// {"js":<payload>,"text":""}
std::string Envelope(std::string_view payload);

}  // namespace holdfast::middleware
