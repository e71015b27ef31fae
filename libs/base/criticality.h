// What may be given up first when an instance has more to do than it can. Travels with every call.
#pragma once

#include <cstddef>
#include <string_view>

namespace holdfast {

enum class Criticality {
  kCritical = 0,     // the picture: zap, key, licence; what a box asks for once and never again
  kInteractive = 1,  // a person waits: lists, guide, login
  kBackground = 2,   // nobody waits: reports, refresh-ahead
  kBulk = 3,         // imports, exports
};

inline constexpr std::size_t kCriticalities = 4;

inline std::size_t IndexOf(Criticality criticality) {
  return static_cast<std::size_t>(criticality);
}

// "critical" ..., for labels and log lines.
inline std::string_view NameOf(Criticality criticality) {
  constexpr std::string_view kNames[] = {"critical", "interactive", "background", "bulk"};
  return kNames[IndexOf(criticality)];
}

}  // namespace holdfast
