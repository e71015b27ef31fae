// Which devices of which account play, over all instances: decides whether one more may
// (domain/stream_lease.h has the rules). A zap waits for nobody: each instance decides from its own
// copy, and tells the others of changes behind the back of the call (stream_slot_sync.h). Two
// instances may therefore both give the last place away; within seconds both know, and the later of
// the two is refused when it asks for its next link.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "libs/base/clock.h"
#include "libs/base/string_map.h"
#include "libs/telemetry/metrics.h"
#include "services/middleware/domain/ids.h"
#include "services/middleware/domain/stream_lease.h"

namespace holdfast::middleware {

// One change that other instances should know.
struct StreamChange {
  std::string account;
  StreamSlot slot;
};

// A slot as people are shown it.
struct ShownStream {
  std::string device;
  std::int64_t since_ms = 0;
  std::chrono::seconds seen_ago{0};
  std::chrono::seconds ends_in{0};
};

// Thread-safe; nothing blocks. Bounded: 256 slots an account, which end; and so many changes wait
// to be told.
class StreamSlots {
 public:
  enum class Mode {
    kOff,      // nobody is counted
    kCount,    // shown, and nobody is refused
    kEnforce,  // a device beyond the limit is refused
  };
  struct Options {
    Mode mode = Mode::kEnforce;
    StreamLeases leases;
    // Instances share their slots; after so long without a word of the others, answers say so.
    bool shared = false;
    std::chrono::milliseconds silent_after = std::chrono::seconds(10);
  };

  StreamSlots(const Options& options, const Clock& clock, telemetry::Metrics& metrics);

  // Whether `wish.device` may play; it has a slot then. An account of "" is nobody's: allowed.
  bool Take(const AccountId& account, const SlotWish& wish);
  // The same answer, taking nothing.
  bool WouldTake(const AccountId& account, std::string_view device, int limit) const;

  void Plays(const AccountId& account, std::string_view device);
  void Heartbeat(const AccountId& account, std::string_view device, bool plays);
  // It stopped, left the account, or an operator ended it. False: it had no slot.
  bool GiveBack(const AccountId& account, std::string_view device);

  // Those that count now, the earliest first.
  std::vector<ShownStream> List(const AccountId& account) const;
  int Count(const AccountId& account) const;

  // How long the other instances have not been heard, when that is worth telling.
  std::optional<std::chrono::seconds> AloneSince() const;
  bool enforced() const { return options_.mode == Mode::kEnforce; }

  // -- For stream_slot_sync.h ---------------------------------------------------------------------
  // What others should be told now; told, as far as this object is concerned.
  std::vector<StreamChange> TakeChanges(std::size_t most);
  // They were not told after all.
  void PutBack(const std::vector<StreamChange>& changes);
  // Others may have forgotten everything: they will be told again of all slots seen here.
  void TellAgain();
  // What another instance told.
  void Learn(const std::string& account, const StreamSlot& slot);
  void HeardOthers();
  // Forgets what ended, a part of it at each call: all within 16 calls.
  void Sweep();

  const Options& options() const { return options_; }

 private:
  struct Shard {
    mutable absl::Mutex mutex;
    StringMap<AccountStreams> accounts ABSL_GUARDED_BY(mutex);
    std::vector<std::pair<std::string, std::string>> changed ABSL_GUARDED_BY(mutex);
    int live ABSL_GUARDED_BY(mutex) = 0;  // at the last sweep
  };
  static constexpr std::size_t kShards = 64;

  Shard& ShardOf(std::string_view account) const;
  bool Counts(const AccountId& account) const;
  AccountStreams::Moment Now() const;
  // Tells others of the slot, soon, if that is needed.
  void Queue(Shard& shard, std::string_view account, AccountStreams& streams, SteadyTime now) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex);

  const Options options_;
  const Clock& clock_;
  const SteadyTime begun_;
  telemetry::Counter kept_, granted_, refused_, beyond_;
  telemetry::Gauge live_;
  mutable std::array<Shard, kShards> shards_;
  std::atomic<SteadyTime::rep> heard_{0};  // since the clock's epoch; 0: never
  std::size_t next_swept_ = 0;             // Sweep is called by one thread
};

}  // namespace holdfast::middleware
