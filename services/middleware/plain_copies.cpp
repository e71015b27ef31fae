#include "services/middleware/plain_copies.h"

#include <algorithm>

#include "services/middleware/gzip.h"

namespace holdfast::middleware {

PlainCopies::Copy* PlainCopies::FindCopy(const http::SharedBody& gzip) {
  const auto it =
      std::ranges::find_if(copies_, [&](const Copy& copy) { return copy.gzip == gzip; });
  return it == copies_.end() ? nullptr : &*it;
}

http::SharedBody PlainCopies::Of(const http::SharedBody& gzip) {
  {
    absl::MutexLock lock(&mutex_);
    const auto nobody_makes_it = [&] {
      mutex_.AssertHeld();
      const Copy* copy = FindCopy(gzip);
      return copy == nullptr || !copy->making;
    };
    mutex_.Await(absl::Condition(&nobody_makes_it));
    if (const Copy* copy = FindCopy(gzip)) {
      if (http::SharedBody held = copy->plain.lock()) return held;
    }
    std::erase_if(copies_, [](const Copy& copy) { return !copy.making && copy.plain.expired(); });
    if (copies_.size() >= max_copies_) return nullptr;
    copies_.push_back({.gzip = gzip});
  }
  http::SharedBody made = http::Store(Gunzip(gzip->Copy()));
  absl::MutexLock lock(&mutex_);
  Copy& copy = *FindCopy(gzip);
  copy.plain = made;
  copy.making = false;
  return made;
}

}  // namespace holdfast::middleware
