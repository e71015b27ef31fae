// The hardware address by which a set-top box says who it is.
#pragma once

#include <optional>
#include <ostream>
#include <string>
#include <string_view>

namespace holdfast::middleware {

// Always "00:1A:79:12:34:56": upper case, colons. A value.
class Mac {
 public:
  // Accepts either case and ':' or '-' between the pairs. Nothing for any other form.
  static std::optional<Mac> Parse(std::string_view text);

  const std::string& text() const { return text_; }

  // The address block of the boxes that the portal protocol was made for (00:1A:79).
  bool in_box_range() const { return text_.starts_with("00:1A:79:"); }

  // The same on every instance and in every run, evenly spread: for choosing phases and shards.
  std::uint64_t Spread() const;

  friend bool operator==(const Mac&, const Mac&) = default;
  friend auto operator<=>(const Mac&, const Mac&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Mac& mac) { return out << mac.text_; }

 private:
  explicit Mac(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

}  // namespace holdfast::middleware
