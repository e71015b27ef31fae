// What epg remembers: its sources, and the guide as pages of one channel and day.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/deadline.h"
#include "services/epg/domain/schedule.h"
#include "services/epg/domain/source.h"

namespace holdfast::epg {

// One day of one channel. No programmes: the day was removed.
struct GuidePage {
  std::string channel;
  std::string day;  // "20260102"
  Schedule programmes;
};

struct GuideChanges {
  std::uint64_t revision = 0;  // what the reader holds after taking these
  std::vector<GuidePage> pages;
};

// What an import leaves behind at its source.
struct ImportOutcome {
  std::string source;
  int programmes = 0;
  std::string digest;
};

// Thread-safe. Every call blocks up to its deadline. UNAVAILABLE, DEADLINE_EXCEEDED: see PgPool.
class Store {
 public:
  virtual ~Store() = default;

  virtual absl::StatusOr<std::vector<Source>> ListSources(Deadline) = 0;
  // NOT_FOUND.
  virtual absl::StatusOr<Source> FindSource(Deadline, std::string_view name) = 0;
  // Creates or changes what an operator sets; keeps what imports wrote.
  virtual absl::Status PutSource(Deadline, const Source&) = 0;
  virtual absl::Status NoteImportError(Deadline, std::string_view source, std::string_view error) = 0;

  // Everything after `revision`, in one consistent look. 0: the whole guide.
  virtual absl::StatusOr<GuideChanges> ChangesSince(Deadline, std::uint64_t revision) = 0;

  // Replaces the span that each fresh schedule covers (see MergeSchedule), for all channels in one
  // transaction, and writes the outcome. Returns how many pages really changed: readers see the
  // old guide or the new one, never half.
  virtual absl::StatusOr<int> TakeOver(Deadline, const std::map<std::string, Schedule>& fresh,
                                       const ImportOutcome&) = 0;

  // Removes pages of days before `day`; followers are told. Returns how many.
  virtual absl::StatusOr<int> RemoveBefore(Deadline, std::string_view day) = 0;
};

}  // namespace holdfast::epg
