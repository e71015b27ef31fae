// The persons of a household: each has favourites, history, resume points and reminders of its own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "services/middleware/domain/vod.h"

namespace holdfast::middleware {

struct Profile {
  std::string id;
  std::string name;
  std::string avatar;          // an address or a word of the app's
  std::optional<int> max_age;  // films for older viewers are hidden; nothing: all are shown
};

inline constexpr std::size_t kMaxProfiles = 10;  // of one account

// Whose items (domain/viewer_item.h) the person's are. No account has a line end in its name, so
// that no other viewer is called the same.
std::string ViewerOfProfile(std::string_view household, std::string_view profile_id);

// What a viewer has to be for "16+", "PG-13", "12"; 0: it does not say.
int AgeOf(const VodTitle& title);
bool IsForAge(const VodTitle& title, std::optional<int> max_age);

}  // namespace holdfast::middleware
