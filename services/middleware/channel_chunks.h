// The list of all channels in chunks of a few channels, so that what one viewer marked (favourites,
// censored channels) changes the chunks that hold it and no others. A chunk with certain marks is
// the same for every box, whoever made it first.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "services/middleware/channel_rows.h"

namespace holdfast::middleware {

// What an account's lists depend on.
struct ListView {
  const PackageSet& packages;
  absl::Span<const ChannelId> favourites;
  absl::Span<const ChannelId> censored;  // by the viewer; sorted
};

// Of one chunk; bit n is its nth channel.
struct ChunkMarks {
  std::uint32_t favourite = 0;
  std::uint32_t censored = 0;

  bool any() const { return favourite != 0 || censored != 0; }
};

// For one lineup and set of packages. Immutable; holds on to its rows.
class ChannelChunks {
 public:
  ChannelChunks(std::shared_ptr<const ChannelRows> rows, const PackageSet& packages);

  const std::shared_ptr<const ChannelRows>& rows() const { return rows_; }
  std::size_t size() const { return chunks_.size(); }  // chunks that show a channel

  // One for each chunk; empty if the viewer marked nothing that this list shows.
  std::vector<ChunkMarks> MarksOf(const ListView& view) const;
  // Names the text below among all texts of all lists of all lineups.
  std::string KeyOf(std::size_t chunk, const ChunkMarks& marks) const;
  // The chunk's rows, with commas between them.
  void Append(std::string& out, std::size_t chunk, const ChunkMarks& marks) const;

  // The whole answer, envelope included, is head, chunks with commas between them, and tail.
  const std::string& head() const { return head_; }
  static constexpr std::string_view kTail = "]},\"text\":\"\"}";
  // Empty `marks`: none.
  std::string Whole(absl::Span<const ChunkMarks> marks) const;

 private:
  struct Chunk {
    std::size_t index = 0;    // in the lineup
    std::uint32_t shown = 0;  // bits as of ChunkMarks
  };

  const std::shared_ptr<const ChannelRows> rows_;
  std::vector<Chunk> chunks_;
  std::string head_;
};

}  // namespace holdfast::middleware
