// Time zones by the names that boxes send in a cookie: any text at all.
#pragma once

#include <string>
#include <string_view>

#include "absl/synchronization/mutex.h"
#include "libs/base/string_map.h"
#include "libs/base/time_zone.h"

namespace holdfast::middleware {

struct NamedZone {
  std::string name;
  TimeZone zone;
};

// Thread-safe. Knows the machine's zones after the first question about each; a name that is none
// gives the default and is forgotten, so strangers cannot fill the memory.
class Zones {
 public:
  explicit Zones(std::string_view default_name);

  NamedZone Find(std::string_view name);
  const NamedZone& default_zone() const { return default_; }

 private:
  NamedZone default_;
  absl::Mutex mutex_;
  StringMap<TimeZone> known_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace holdfast::middleware
