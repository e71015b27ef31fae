#include "services/middleware/domain/parental.h"

#include <algorithm>

namespace holdfast::middleware {
namespace {

constexpr std::size_t kLongestPin = 16;

}  // namespace

bool IsPin(std::string_view text) {
  return !text.empty() && text.size() <= kLongestPin &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
         });
}

bool PinOpens(std::string_view pin, std::string_view offered) {
  unsigned difference = pin.size() == offered.size() ? 0 : 1;
  for (std::size_t i = 0; i < offered.size() && !pin.empty(); ++i) {
    difference |=
        static_cast<unsigned char>(offered[i]) ^ static_cast<unsigned char>(pin[i % pin.size()]);
  }
  return difference == 0 && !pin.empty();
}

}  // namespace holdfast::middleware
