#include "services/middleware/domain/profile.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace holdfast::middleware {
namespace {

constexpr int kNobodyIsOlder = 150;

// The first number in the text.
int NumberIn(std::string_view text) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto first = std::find_if(text.begin(), text.end(), is_digit);
  int number = 0;
  for (auto it = first; it != text.end() && is_digit(*it) && number < kNobodyIsOlder; ++it) {
    number = number * 10 + (*it - '0');
  }
  return std::min(number, kNobodyIsOlder);
}

}  // namespace

std::string ViewerOfProfile(std::string_view household, std::string_view profile_id) {
  return absl::StrCat(std::string(household), "\n", std::string(profile_id));
}

int AgeOf(const VodTitle& title) {
  return NumberIn(title.age.empty() ? title.rating_mpaa : title.age);
}

bool IsForAge(const VodTitle& title, std::optional<int> max_age) {
  return !max_age || (!title.adult && AgeOf(title) <= *max_age);
}

}  // namespace holdfast::middleware
