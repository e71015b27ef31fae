#include "services/middleware/domain/mac.h"

#include <cstdint>

namespace holdfast::middleware {
namespace {

constexpr std::size_t kLength = 17;

// Upper-case hex digit, or 0 for anything else.
char HexDigit(char c) {
  if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'F')) return c;
  if (c >= 'a' && c <= 'f') return static_cast<char>(c - 'a' + 'A');
  return 0;
}

}  // namespace

std::optional<Mac> Mac::Parse(std::string_view text) {
  if (text.size() != kLength) return std::nullopt;
  std::string mac(kLength, ':');
  const char separator = text[2];
  if (separator != ':' && separator != '-') return std::nullopt;
  for (std::size_t i = 0; i < kLength; ++i) {
    if (i % 3 == 2) {
      if (text[i] != separator) return std::nullopt;
      continue;
    }
    mac[i] = HexDigit(text[i]);
    if (mac[i] == 0) return std::nullopt;
  }
  return Mac(std::move(mac));
}

std::uint64_t Mac::Spread() const {
  std::uint64_t h =
      0xcbf29ce484222325ull;  // FNV-1a, then a finalizer: neighbours differ in one digit
  for (const char c : text_) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9ull;
  h = (h ^ (h >> 27)) * 0x94d049bb133111ebull;
  return h ^ (h >> 31);
}

}  // namespace holdfast::middleware
