// The producer's side of a read model: keyed items with a revision, and the changes since a
// revision, so that a consumer that was away catches up with a delta instead of everything.
//
// Two kinds:
//   kModel  the whole content is kept; a new consumer gets it in full
//   kFeed   only recent changes are kept (there are too many items to send to everyone); a consumer
//           that missed some gets a reset and must treat what it holds as suspect
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "libs/base/deadline.h"
#include "libs/base/shared_bytes.h"
#include "libs/base/string_map.h"

namespace holdfast::replica {

// One step of what a consumer is told. A null value is a delete (deltas only).
struct Update {
  enum class Kind { kFull, kDelta, kHeartbeat, kReset };
  Kind kind = Kind::kHeartbeat;
  std::string epoch;
  std::uint64_t revision = 0;
  std::vector<std::pair<std::string, SharedBytes>> items;
};

// Thread-safe. A writer waits at most for one copy of a list of pointers, never for a consumer.
class Publication {
 public:
  enum class Kind { kModel, kFeed };
  struct Options {
    std::string name;  // "edges"
    Kind kind = Kind::kModel;
    std::size_t kept_changes = 10000;
    // Revisions compare only within one epoch. A publisher whose revisions come from its own
    // counter makes a random epoch at start (the default); one whose revisions come from its
    // database names a constant one and passes revisions to the calls below.
    std::string epoch;
  };

  explicit Publication(const Options& options);

  const std::string& name() const { return options_.name; }

  // Applies all of it as one revision, a key's last value winning. A null value deletes. No change
  // at all makes no revision (so a model that is empty from the start is one that was never
  // filled). The first call fills a model: nobody gets a delta across it. `revision` 0: the next
  // one; otherwise it must be above the last (a smaller one is ignored).
  void Apply(std::vector<std::pair<std::string, SharedBytes>> changes, std::uint64_t revision = 0);

  // Makes `items` the whole content (kModel): publishes only the differences.
  void ReplaceAll(OrderedStringMap<SharedBytes> items, std::uint64_t revision = 0);

  // For a feed whose revisions come from the database: changes up to `revision` exist and are not
  // kept. Ignored after the first change.
  void StartAt(std::uint64_t revision);

  // What a consumer that holds (epoch, revision) has to be told next. Waits up to `deadline` for a
  // change, then answers a heartbeat. A model that was never filled answers heartbeats with
  // revision 0: an empty start is not "everything was deleted". A consumer that is ahead of us
  // (it followed an instance that reads the database sooner) is given until the deadline to see us
  // catch up; then it is told to go back (full or reset).
  Update Next(std::string_view known_epoch, std::uint64_t known_revision, Deadline deadline) const;

  std::uint64_t revision() const;
  std::size_t size() const;
  const std::string& epoch() const { return options_.epoch; }

  // Makes all waiting Next calls return at once, now and from now on.
  void Close();

 private:
  struct Change {
    std::uint64_t revision;
    std::string key;
    SharedBytes value;  // null: deleted
  };

  struct Known {
    bool same_epoch;
    std::uint64_t revision;
  };
  bool IsFilled() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return revision_ > 0; }
  bool HasNews(const Known& known) const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  Update Everything() const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  Update ChangesSince(std::uint64_t revision) const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  void ApplyLocked(OrderedStringMap<SharedBytes> changes, std::uint64_t revision)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Options options_;  // constant after the constructor
  mutable absl::Mutex mutex_;
  OrderedStringMap<SharedBytes> items_ ABSL_GUARDED_BY(mutex_);  // kModel only
  std::deque<Change> changes_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t oldest_kept_ ABSL_GUARDED_BY(mutex_) = 0;  // changes after this revision are kept
  std::uint64_t revision_ ABSL_GUARDED_BY(mutex_) = 0;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace holdfast::replica
