// Channel rows as boxes read them (portal protocol, section 7.1), rendered once per lineup: what
// differs from box to box - the number in a favourites list, the favourite mark, the programme that
// is on - lies between four pieces that do not.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "services/middleware/domain/lineup.h"

namespace holdfast::middleware {

// What a row says beyond the channel itself.
struct RowVariant {
  int number = 0;
  bool favourite = false;
  bool censored = false;     // by the viewer: shown behind the PIN, as adult channels are
  std::string_view playing;  // "10:00 Morning news", or ""
};

// Immutable. Holds on to its lineup.
class ChannelRows {
 public:
  explicit ChannelRows(std::shared_ptr<const Lineup> lineup);

  const std::shared_ptr<const Lineup>& lineup() const { return lineup_; }
  // `channel` must be of this lineup.
  void Append(std::string& out, const Channel& channel, const RowVariant& variant) const;
  // The js of get_genres: "*" and the genres of these channels.
  std::string Genres(const std::vector<const Channel*>& channels) const;

 private:
  struct Pieces {
    std::string before_number;
    std::string before_favourite;
    std::string before_playing;
    std::string after_playing;
  };
  Pieces Render(const Channel& channel) const;

  std::shared_ptr<const Lineup> lineup_;
  std::vector<Pieces> pieces_;  // beside lineup_->channels()
};

inline constexpr int kPageSize = 14;

// The beginning of a paged list; `selected` and `page` are 0 unless the box asked for the page that
// holds an item. After it come the rows, then "]}".
void OpenPage(std::string& out, std::size_t total, int page_size, int selected, int page);

}  // namespace holdfast::middleware
