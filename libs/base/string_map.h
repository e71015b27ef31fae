// Maps keyed by text that can be searched with a std::string_view without making a string.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"

namespace holdfast {

struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view s) const { return absl::HashOf(absl::string_view(s.data(), s.size())); }
};

template <class T>
using StringMap = absl::flat_hash_map<std::string, T, StringHash, std::equal_to<>>;

using StringSet = absl::flat_hash_set<std::string, StringHash, std::equal_to<>>;

template <class T>
using OrderedStringMap = std::map<std::string, T, std::less<>>;

// The value's address, or null.
template <class Map>
auto Find(Map& map, std::string_view key) -> decltype(&map.begin()->second) {
  const auto it = map.find(key);
  return it == map.end() ? nullptr : &it->second;
}

}  // namespace holdfast
