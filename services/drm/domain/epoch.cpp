#include "services/drm/domain/epoch.h"

#include <algorithm>
#include <iterator>

namespace holdfast::drm {

WallTime Periods::AlignUp(WallTime t) const {
  const WallTime start = StartOf(At(t));
  return start == t ? t : start + length_;
}

KeyRing::KeyRing(std::vector<Epoch> epochs) : epochs_(std::move(epochs)) {
  // Two epochs of one beginning cannot be made; the id decides should they come from elsewhere.
  std::ranges::sort(epochs_, [](const Epoch& a, const Epoch& b) {
    return a.valid_from != b.valid_from ? a.valid_from < b.valid_from : a.id < b.id;
  });
}

const Epoch* KeyRing::At(WallTime t) const {
  const auto after = std::ranges::upper_bound(epochs_, t, {}, &Epoch::valid_from);
  return after == epochs_.begin() ? nullptr : &*std::prev(after);
}

int KeyRing::BeginningAfter(WallTime t) const {
  return static_cast<int>(epochs_.end() -
                          std::ranges::upper_bound(epochs_, t, {}, &Epoch::valid_from));
}

}  // namespace holdfast::drm
