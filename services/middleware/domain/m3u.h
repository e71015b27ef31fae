// Reads M3U playlists as they are in the field: any line ends, byte order marks, quoted commas,
// repeated attributes, lines of decoration, broken UTF-8. One pass, no recursion, bounded; any
// input gives an answer, and what could not be used is named with its line.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/string_map.h"

namespace holdfast::middleware {

struct M3uEntry {
  int line = 0;  // of its #EXTINF
  std::string name;
  StringMap<std::string> attributes;  // names in lower case
  std::string group;                  // group-title, else #EXTGRP: "News", or several: "News;HD"
  std::string address;                // without the "|header=value" tail

  std::string_view Attribute(std::string_view attribute) const;  // "" if absent
};

struct M3uProblem {
  int line = 0;
  std::string what;  // "no address after #EXTINF"
};

struct M3uList {
  StringMap<std::string> header;  // attributes of the #EXTM3U line
  std::vector<M3uEntry> entries;
  std::vector<M3uProblem> problems;  // at most M3uLimits::problems, then one that says so
};

struct M3uLimits {
  std::size_t entries = 100'000;
  std::size_t line_bytes = 64 * 1024;
  std::size_t attributes = 64;  // of one line
  std::size_t problems = 1000;
};

M3uList ParseM3u(std::string_view text, const M3uLimits& limits = {});

// The text with every byte that is not part of a valid UTF-8 sequence, and every control
// character, replaced by U+FFFD or a space.
std::string CleanUtf8(std::string_view text);

// Length in bytes of the valid UTF-8 sequence at the front of `text` (not empty), or 0.
std::size_t Utf8SequenceLength(std::string_view text);

}  // namespace holdfast::middleware
