#include "services/middleware/channel_chunks.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace holdfast::middleware {
namespace {

constexpr std::size_t kChannelsInChunk = 32;  // as many as ChunkMarks has bits
constexpr std::size_t kBytesOfRow = 1500;     // about, rather more

std::uint32_t Bit(std::size_t position) { return std::uint32_t{1} << position % kChannelsInChunk; }

}  // namespace

ChannelChunks::ChannelChunks(std::shared_ptr<const ChannelRows> rows, const PackageSet& packages)
    : rows_(std::move(rows)) {
  const std::vector<Channel>& all = rows_->lineup()->channels();
  std::size_t total = 0;
  for (const Channel* channel : ChannelsFor(*rows_->lineup(), packages, ListKind::kMain)) {
    const auto position = static_cast<std::size_t>(channel - all.data());
    const std::size_t index = position / kChannelsInChunk;
    if (chunks_.empty() || chunks_.back().index != index) chunks_.push_back({.index = index});
    chunks_.back().shown |= Bit(position);
    ++total;
  }
  head_ = "{\"js\":";
  OpenPage(head_, total, kPageSize, 0, 0);
}

std::vector<ChunkMarks> ChannelChunks::MarksOf(const ListView& view) const {
  const Lineup& lineup = *rows_->lineup();
  std::vector<ChunkMarks> marks;
  const auto set = [&](ChannelId id, std::uint32_t ChunkMarks::*kind) {
    const Channel* channel = lineup.FindChannel(id);
    if (channel == nullptr) return;
    const auto position = static_cast<std::size_t>(channel - lineup.channels().data());
    const auto chunk =
        std::lower_bound(chunks_.begin(), chunks_.end(), position / kChannelsInChunk,
                         [](const Chunk& c, std::size_t index) { return c.index < index; });
    if (chunk == chunks_.end() || chunk->index != position / kChannelsInChunk) return;
    if ((chunk->shown & Bit(position)) == 0) return;
    marks.resize(chunks_.size());
    marks[static_cast<std::size_t>(chunk - chunks_.begin())].*kind |= Bit(position);
  };
  for (const ChannelId id : view.favourites) set(id, &ChunkMarks::favourite);
  for (const ChannelId id : view.censored) set(id, &ChunkMarks::censored);
  return marks;
}

std::string ChannelChunks::KeyOf(std::size_t chunk, const ChunkMarks& marks) const {
  return absl::StrCat(rows_->lineup()->revision(), "|", chunks_[chunk].index, "|",
                      chunks_[chunk].shown, "|", marks.favourite, "|", marks.censored);
}

void ChannelChunks::Append(std::string& out, std::size_t chunk, const ChunkMarks& marks) const {
  const Channel* first =
      rows_->lineup()->channels().data() + chunks_[chunk].index * kChannelsInChunk;
  const std::uint32_t shown = chunks_[chunk].shown;
  for (std::size_t i = 0; i < kChannelsInChunk; ++i) {
    if ((shown & Bit(i)) == 0) continue;
    if ((shown & (Bit(i) - 1)) != 0) out += ',';
    rows_->Append(out, first[i],
                  {.number = first[i].number,
                   .favourite = (marks.favourite & Bit(i)) != 0,
                   .censored = (marks.censored & Bit(i)) != 0});
  }
}

std::string ChannelChunks::Whole(absl::Span<const ChunkMarks> marks) const {
  std::string text = head_;
  text.reserve(chunks_.size() * kChannelsInChunk * kBytesOfRow + 100);
  for (std::size_t i = 0; i < chunks_.size(); ++i) {
    if (i > 0) text += ',';
    Append(text, i, marks.empty() ? ChunkMarks{} : marks[i]);
  }
  text += kTail;
  return text;
}

}  // namespace holdfast::middleware
