#include "libs/replica/publication.h"

#include <utility>

#include "absl/time/time.h"
#include "libs/base/check.h"
#include "libs/base/random.h"

namespace holdfast::replica {
namespace {

std::vector<std::pair<std::string, SharedBytes>> ToList(const OrderedStringMap<SharedBytes>& map) {
  return {map.begin(), map.end()};
}

bool Same(const SharedBytes* held, const SharedBytes& offered) {
  if (held == nullptr) return offered == nullptr;
  return offered != nullptr && (*held == offered || **held == *offered);
}

}  // namespace

Publication::Publication(const Options& options) : options_(options) {
  if (options_.epoch.empty()) options_.epoch = SecureHex(8);
}

void Publication::Apply(std::vector<std::pair<std::string, SharedBytes>> changes,
                        std::uint64_t revision) {
  OrderedStringMap<SharedBytes> last_of_each;
  for (auto& [key, value] : changes) last_of_each[std::move(key)] = std::move(value);
  absl::MutexLock lock(&mutex_);
  ApplyLocked(std::move(last_of_each), revision);
}

void Publication::ReplaceAll(OrderedStringMap<SharedBytes> items, std::uint64_t revision) {
  HOLDFAST_CHECK(options_.kind == Kind::kModel);
  absl::MutexLock lock(&mutex_);
  for (const auto& [key, value] : items_) items.try_emplace(key, nullptr);
  ApplyLocked(std::move(items), revision);
}

void Publication::ApplyLocked(OrderedStringMap<SharedBytes> changes, std::uint64_t revision) {
  if (revision == 0) revision = revision_ + 1;
  if (revision <= revision_) return;
  if (options_.kind == Kind::kModel) {
    std::erase_if(changes, [this](const auto& change) {
      return Same(Find(items_, change.first), change.second);
    });
  }
  if (changes.empty()) return;

  const bool first = !IsFilled();
  revision_ = revision;
  if (options_.kind == Kind::kModel) {
    for (const auto& [key, value] : changes) {
      if (value == nullptr) {
        items_.erase(key);
      } else {
        items_[key] = value;
      }
    }
    if (first) {
      // What a consumer of this epoch held before we knew anything may hold deleted items.
      oldest_kept_ = revision;
      return;
    }
  } else if (first) {
    oldest_kept_ = revision - 1;
  }
  for (auto& [key, value] : changes) changes_.push_back({revision, key, std::move(value)});
  while (changes_.size() > options_.kept_changes) {
    oldest_kept_ = changes_.front().revision;
    changes_.pop_front();
  }
}

void Publication::StartAt(std::uint64_t revision) {
  HOLDFAST_CHECK(options_.kind == Kind::kFeed);
  absl::MutexLock lock(&mutex_);
  if (IsFilled()) return;
  revision_ = revision;
  oldest_kept_ = revision;
}

bool Publication::HasNews(const Known& known) const {
  if (options_.kind == Kind::kFeed && !known.same_epoch) return true;
  if (!IsFilled()) return false;
  return !known.same_epoch || known.revision < revision_;
}

Update Publication::Everything() const {
  if (options_.kind == Kind::kFeed) return {Update::Kind::kReset, options_.epoch, revision_, {}};
  return {Update::Kind::kFull, options_.epoch, revision_, ToList(items_)};
}

Update Publication::ChangesSince(std::uint64_t revision) const {
  OrderedStringMap<SharedBytes> last_of_each;
  for (auto change = changes_.rbegin(); change != changes_.rend(); ++change) {
    if (change->revision <= revision) break;
    last_of_each.try_emplace(change->key, change->value);
  }
  return {Update::Kind::kDelta, options_.epoch, revision_, ToList(last_of_each)};
}

Update Publication::Next(std::string_view known_epoch, std::uint64_t known_revision,
                         Deadline deadline) const {
  const Known known{known_epoch == options_.epoch, known_revision};
  absl::ReaderMutexLock lock(&mutex_);
  const auto ready = [&]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return closed_ || HasNews(known); };
  mutex_.AwaitWithTimeout(absl::Condition(&ready), absl::FromChrono(deadline.Remaining()));

  if (HasNews(known)) {
    return known.same_epoch && known.revision >= oldest_kept_ ? ChangesSince(known.revision)
                                                              : Everything();
  }
  if (IsFilled() && !closed_ && known.revision > revision_) return Everything();
  return {Update::Kind::kHeartbeat, options_.epoch, revision_, {}};
}

std::uint64_t Publication::revision() const {
  absl::ReaderMutexLock lock(&mutex_);
  return revision_;
}

std::size_t Publication::size() const {
  absl::ReaderMutexLock lock(&mutex_);
  return options_.kind == Kind::kModel ? items_.size() : changes_.size();
}

void Publication::Close() {
  absl::MutexLock lock(&mutex_);
  closed_ = true;
}

}  // namespace holdfast::replica
