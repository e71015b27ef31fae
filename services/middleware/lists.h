// Lists of channels: rendered once per lineup and set of packages, shared by all boxes that may see
// the same channels. What a viewer marked is put in by exchanging the chunks that hold it
// (channel_chunks.h): nothing else is rendered or compressed for one box.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "libs/base/string_map.h"
#include "services/middleware/body_cache.h"
#include "services/middleware/channel_chunks.h"
#include "services/middleware/channel_rows.h"
#include "services/middleware/list_pages.h"
#include "services/middleware/read_models.h"

namespace holdfast::middleware {

enum class BodyForm { kPlain, kGzip };

// Thread-safe. What begins with Ready never blocks and may answer null: then the caller goes to a
// worker and Makes it. What ends in InHurry is for the I/O thread when no worker is free: it copies
// what is there and never compresses, waits or takes a lock for long.
class Lists {
 public:
  Lists(const ReadModels& models, std::size_t max_bytes, telemetry::Metrics& metrics);

  std::shared_ptr<const ChannelRows> ReadyRows() const;
  std::shared_ptr<const ChannelRows> MakeRows();
  // Those of the lineup before while the present ones are not made; rendered here only if no rows
  // were ever made, which Prepare sees to.
  std::shared_ptr<const ChannelRows> RowsInHurry();

  // The whole answer to get_all_channels, envelope included.
  http::SharedBody ReadyAllChannels(const ListView& view, BodyForm form);
  http::SharedBody MakeAllChannels(const ListView& view, BodyForm form);
  http::SharedBody AllChannelsInHurry(const ListView& view, BodyForm form);

  // The same for get_genres.
  std::shared_ptr<const Body> ReadyGenres(const PackageSet& packages);
  std::shared_ptr<const Body> MakeGenres(const PackageSet& packages);
  std::string GenresInHurry(const PackageSet& packages);  // the payload

  // For a thread that may block, when the lineup may have changed: makes the rows and the lists of
  // those packages that boxes asked for lately, before they ask again.
  void Prepare();

  // Pages and other small lists, by keys that tell all they depend on.
  PageCache& pages() { return pages_; }

 private:
  using SharedChunks = std::shared_ptr<const ChannelChunks>;

  SharedChunks ChunksFor(std::shared_ptr<const ChannelRows> rows, const PackageSet& packages);
  std::shared_ptr<const Body> MakeUnmarked(const ChannelChunks& chunks, const PackageSet& packages);
  // Null if a chunk is missing and `make` says not to make it.
  enum class Missing { kGiveUp, kMake, kCopy };
  http::SharedBody Join(const ChannelChunks& chunks, const std::vector<ChunkMarks>& marks,
                        Missing missing);

  const ReadModels& models_;
  BodyCache bodies_;
  PageCache pages_;
  RenderedCache<GzipPart> parts_;  // chunks
  mutable absl::Mutex mutex_;
  std::shared_ptr<const ChannelRows> rows_ ABSL_GUARDED_BY(mutex_);      // null before the first
  std::shared_ptr<const ChannelRows> prepared_ ABSL_GUARDED_BY(mutex_);  // those of Prepare
  StringMap<SharedChunks> chunks_ ABSL_GUARDED_BY(mutex_);               // of rows_, by packages
  std::vector<PackageSet> recent_ ABSL_GUARDED_BY(mutex_);               // newest last; not many
  absl::Mutex making_rows_;  // held while rows are made; workers and jobs only
};

// {"js":<payload>,"text":""}
std::string Envelope(std::string_view payload);
// The envelope in both forms.
Body BodyOf(std::string_view payload);

}  // namespace holdfast::middleware
