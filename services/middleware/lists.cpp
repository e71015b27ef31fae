#include "services/middleware/lists.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/middleware/gzip.h"

namespace holdfast::middleware {
namespace {

constexpr int kGzipLevel = 6;       // made once, sent to every box
constexpr int kChunkGzipLevel = 4;  // made for a few boxes
constexpr std::size_t kMostPackageSets = 1024;
constexpr std::size_t kMostRecent = 16;  // sets of packages that are prepared
// Parts of the memory that all lists may take.
constexpr std::size_t kPagesShare = 4;
constexpr std::size_t kChunksShare = 4;

std::string AllChannelsKey(std::uint64_t revision, const PackageSet& packages) {
  return absl::StrCat("all|", revision, "|", packages.key());
}

std::string GenresKey(std::uint64_t revision, const PackageSet& packages) {
  return absl::StrCat("genres|", revision, "|", packages.key());
}

http::SharedBody In(const Body& body, BodyForm form) {
  return form == BodyForm::kGzip ? body.gzip : body.plain;
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

Body BodyOf(std::string_view payload) {
  Body body;
  std::string whole = Envelope(payload);
  body.gzip = http::Store(Gzip(whole, kGzipLevel));
  body.plain = http::Store(std::move(whole));
  return body;
}

Lists::Lists(const ReadModels& models, std::size_t max_bytes, telemetry::Metrics& metrics)
    : models_(models),
      bodies_({.name = "lists", .max_bytes = max_bytes / 2}, metrics),
      pages_({.name = "list_pages", .max_bytes = max_bytes / kPagesShare}, metrics),
      parts_({.name = "list_chunks", .max_bytes = max_bytes / kChunksShare}, metrics) {}

std::shared_ptr<const ChannelRows> Lists::ReadyRows() const {
  const auto lineup = models_.lineup();
  absl::MutexLock lock(&mutex_);
  return rows_ != nullptr && rows_->lineup() == lineup ? rows_ : nullptr;
}

std::shared_ptr<const ChannelRows> Lists::MakeRows() {
  absl::MutexLock making(&making_rows_);
  if (auto rows = ReadyRows()) return rows;
  auto rows = std::make_shared<const ChannelRows>(models_.lineup());
  StringMap<SharedChunks> forgotten;  // outside the lock
  absl::MutexLock lock(&mutex_);
  rows_ = rows;
  forgotten.swap(chunks_);
  return rows;
}

std::shared_ptr<const ChannelRows> Lists::RowsInHurry() {
  {
    absl::MutexLock lock(&mutex_);
    // An empty one is what an instance begins with: the box would show nothing for good.
    if (rows_ != nullptr && !rows_->lineup()->channels().empty()) return rows_;
  }
  return std::make_shared<const ChannelRows>(models_.lineup());
}

Lists::SharedChunks Lists::ChunksFor(std::shared_ptr<const ChannelRows> rows,
                                     const PackageSet& packages) {
  {
    absl::MutexLock lock(&mutex_);
    const SharedChunks* held = Find(chunks_, packages.key());
    if (held != nullptr && (*held)->rows() == rows) return *held;
  }
  auto made = std::make_shared<const ChannelChunks>(std::move(rows), packages);
  absl::MutexLock lock(&mutex_);
  if (made->rows() != rows_) return made;  // of a lineup that is gone
  if (chunks_.size() >= kMostPackageSets) chunks_.clear();
  chunks_[packages.key()] = made;
  return made;
}

http::SharedBody Lists::Join(const ChannelChunks& chunks, const std::vector<ChunkMarks>& marks,
                             Missing missing) {
  GzipJoiner joiner;
  joiner.Add(StoreGzipPart(chunks.head()));
  const GzipPart comma = StoreGzipPart(",");
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    const std::string key = chunks.KeyOf(i, marks[i]);
    const auto text = [&] {
      std::string rows;
      chunks.Append(rows, i, marks[i]);
      return rows;
    };
    std::shared_ptr<const GzipPart> part = parts_.Find(key);
    if (part == nullptr && missing == Missing::kGiveUp) return nullptr;
    if (part == nullptr && missing == Missing::kMake) {
      part = parts_.GetOrMake(key, [&] { return MakeGzipPart(text(), kChunkGzipLevel); });
    }
    if (i > 0) joiner.Add(comma);
    joiner.Add(part == nullptr ? StoreGzipPart(text()) : *part);
  }
  joiner.Add(StoreGzipPart(ChannelChunks::kTail));
  return http::Store(std::move(joiner).Finish());
}

http::SharedBody Lists::ReadyAllChannels(const ListView& view, BodyForm form) {
  const auto rows = ReadyRows();
  if (rows == nullptr) return nullptr;
  const SharedChunks chunks = ChunksFor(rows, view.packages);
  const std::vector<ChunkMarks> marks = chunks->MarksOf(view);
  if (!marks.empty()) {
    // Without compression it is a megabyte to copy.
    return form == BodyForm::kGzip ? Join(*chunks, marks, Missing::kGiveUp) : nullptr;
  }
  const auto body = bodies_.Find(AllChannelsKey(rows->lineup()->revision(), view.packages));
  return body == nullptr ? nullptr : In(*body, form);
}

http::SharedBody Lists::MakeAllChannels(const ListView& view, BodyForm form) {
  const SharedChunks chunks = ChunksFor(MakeRows(), view.packages);
  const std::vector<ChunkMarks> marks = chunks->MarksOf(view);
  if (marks.empty()) return In(*MakeUnmarked(*chunks, view.packages), form);
  if (form == BodyForm::kPlain) return http::Store(chunks->Whole(marks));
  return Join(*chunks, marks, Missing::kMake);
}

http::SharedBody Lists::AllChannelsInHurry(const ListView& view, BodyForm form) {
  const SharedChunks chunks = ChunksFor(RowsInHurry(), view.packages);
  std::vector<ChunkMarks> marks = chunks->MarksOf(view);
  if (marks.empty()) {
    const auto body =
        bodies_.Find(AllChannelsKey(chunks->rows()->lineup()->revision(), view.packages));
    if (body != nullptr) return In(*body, form);
    marks.resize(chunks->size());
  }
  if (form == BodyForm::kPlain) return http::Store(chunks->Whole(marks));
  return Join(*chunks, marks, Missing::kCopy);
}

std::shared_ptr<const Body> Lists::MakeUnmarked(const ChannelChunks& chunks,
                                                const PackageSet& packages) {
  {
    absl::MutexLock lock(&mutex_);
    std::erase(recent_, packages);
    recent_.push_back(packages);
    if (recent_.size() > kMostRecent) recent_.erase(recent_.begin());
  }
  return bodies_.GetOrMake(AllChannelsKey(chunks.rows()->lineup()->revision(), packages), [&] {
    std::string whole = chunks.Whole({});
    Body body;
    body.gzip = http::Store(Gzip(whole, kGzipLevel));
    body.plain = http::Store(std::move(whole));
    return body;
  });
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

std::string Lists::GenresInHurry(const PackageSet& packages) {
  const auto rows = RowsInHurry();
  return rows->Genres(ChannelsFor(*rows->lineup(), packages, ListKind::kAll));
}

void Lists::Prepare() {
  const auto rows = MakeRows();
  std::vector<PackageSet> recent;
  {
    absl::MutexLock lock(&mutex_);
    if (prepared_ == rows) return;
    prepared_ = rows;
    recent = recent_;
  }
  for (const PackageSet& packages : recent) {
    MakeUnmarked(*ChunksFor(rows, packages), packages);
    MakeGenres(packages);
  }
}

}  // namespace holdfast::middleware
