// Key epochs and periods: which epoch key a content key of some moment is derived from.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "libs/base/clock.h"
#include "libs/base/strong_id.h"

namespace holdfast::drm {

using EpochId = StrongId<struct EpochIdTag, std::int64_t>;
using ChannelId = StrongId<struct ChannelIdTag>;

// The root of all content keys of a stretch of time. Never logged, never sent.
struct Epoch {
  EpochId id;
  WallTime valid_from;  // until the next epoch begins; the last one has no end
  std::string key;      // 32 bytes

  friend bool operator==(const Epoch&, const Epoch&) = default;
};

// A channel has one content key per period: the number of whole period lengths since 1970. The
// length is a constant of the installation; another length makes other keys.
class Periods {
 public:
  explicit Periods(std::chrono::seconds length) : length_(length) {}

  std::int64_t At(WallTime t) const { return EpochSeconds(t) / length_.count(); }
  WallTime StartOf(std::int64_t period) const { return FromEpochSeconds(period * length_.count()); }
  // The first start of a period at or after `t`.
  WallTime AlignUp(WallTime t) const;
  std::chrono::seconds length() const { return length_; }

 private:
  std::chrono::seconds length_;
};

// All epochs known. A value; immutable once shared.
//
// The last epoch has no end: when no new one can be made, old keys go on, because an old key plays
// and a missing one does not. That stays unambiguous because an epoch only ever begins in the
// future of those who make it (see epoch_plan.h).
class KeyRing {
 public:
  KeyRing() = default;
  explicit KeyRing(std::vector<Epoch> epochs);

  // Null before the first epoch.
  const Epoch* At(WallTime t) const;
  // In the order of their beginnings.
  const std::vector<Epoch>& epochs() const { return epochs_; }
  bool empty() const { return epochs_.empty(); }
  int BeginningAfter(WallTime t) const;  // how many

 private:
  std::vector<Epoch> epochs_;
};

}  // namespace holdfast::drm
