// How many devices of an account may play at once: each that plays has a slot, and a slot is a
// lease. It belongs to a device, not to a link: who zaps keeps the slot. Leases end by themselves,
// because no player tells that it lost its power.
//
//               link, and room          stopped, told by the device, its operator or a rank too low
//     no slot ------------------> slot ------------------------------------------> no slot
//                                 |  ^ |
//                                 +--+ +--> no slot: no sign of playing within the lease
//                            a sign of playing
//
// How long a lease is depends on what can be heard of such a player:
//   vouching   a box that logs what it plays, an app that says so: `lease` from the last sign. Its
//              heartbeats are signs too, and one that says that nothing plays ends the slot.
//   returning  a player that asks for the same address again and again: `reload_lease`
//   silent     any other, as Kodi, whose heartbeats always say that it plays: `silent_lease` from
//              its last link
//
// Instances grant without asking one another. Where two granted more than there is room for, the
// slots are ranked by the time they were granted; who is beyond the limit is refused with the next
// link, by every instance alike.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/container/inlined_vector.h"
#include "libs/base/clock.h"

namespace holdfast::middleware {

struct StreamLeases {
  std::chrono::milliseconds lease = std::chrono::minutes(5);
  std::chrono::milliseconds silent_lease = std::chrono::minutes(10);
  std::chrono::milliseconds reload_lease = std::chrono::seconds(90);

  std::chrono::milliseconds longest() const;
};

struct StreamSlot {
  std::string device;         // a MAC, or of an app that has none: NameOfPlayer
  std::int64_t since_ms = 0;  // when it was granted, by the clock of whoever did: decides ranks
  SteadyTime seen;            // the last sign, of playing or of having stopped
  SteadyTime until;           // the lease ends then; not after `seen`: it was given back
  SteadyTime told_until;      // until when other instances count it, as far as they were told
  SteadyTime opened;          // when it asked for `content` first
  std::uint64_t content = 0;
  bool vouches = false;
  bool mine = false;    // this instance saw the last sign
  bool queued = false;  // other instances will be told

  bool live(SteadyTime now) const { return until > now; }
};

enum class SlotVerdict { kKept, kGranted, kRefused };

// Who asks for a link, or says that it plays.
struct SlotWish {
  std::string_view device;
  int limit = 0;              // of the account; 0: none
  std::uint64_t content = 0;  // what it wants, as a number; 0: not told
  bool reloads = false;       // players of this kind may come back for the same address
  bool vouches = false;
};

// The slots of one account. Not thread-safe.
class AccountStreams {
 public:
  // An account without a limit, or with a larger one, has this many counted.
  static constexpr std::size_t kMostSlots = 256;

  struct Moment {
    SteadyTime now;
    std::int64_t now_ms = 0;  // the wall clock
  };

  // Decides and, unless it is refused, takes or renews the slot. One that is refused has none.
  SlotVerdict Take(const SlotWish& wish, const StreamLeases& leases, const Moment& moment);
  // What Take would say, without doing it.
  SlotVerdict Judge(std::string_view device, int limit, SteadyTime now) const;
  // The device says that it plays: it has a slot then, whatever the limit says. Nothing else would
  // be true. Heartbeats do not count so: see Heartbeat.
  void Plays(std::string_view device, const StreamLeases& leases, const Moment& moment);
  // Means something for those who vouch for themselves, and nothing for others.
  void Heartbeat(std::string_view device, bool plays, const StreamLeases& leases, SteadyTime now);
  // False: it had none.
  bool GiveBack(std::string_view device, SteadyTime now);

  // What another instance told of one device: a slot that it gave, or gave back. An older sign
  // than the one known here changes nothing.
  void Learn(const StreamSlot& told, SteadyTime now);

  // Forgets what ended longer ago than `for_longer`: so long an older sign, told late, must not
  // bring it back. What others still count, and have yet to be told of, stays.
  void Forget(SteadyTime now, std::chrono::milliseconds for_longer);

  int Live(SteadyTime now) const;
  using Slots = absl::InlinedVector<StreamSlot, 1>;
  const Slots& slots() const { return slots_; }
  Slots& slots() { return slots_; }

 private:
  StreamSlot* Find(std::string_view device);
  const StreamSlot* Find(std::string_view device) const;
  // Null: there are too many.
  StreamSlot* Add(std::string_view device, const Moment& moment);

  Slots slots_;
};

// Whether other instances should hear of the slot: they would forget it too soon, or too late.
bool WorthTelling(const StreamSlot& slot, SteadyTime now);

// Whether a box that names this place is playing a stream of ours: TV, films, recordings, archive,
// time shift, an advert before them. Not radio, which is played without a link, nor what is on its
// own disk.
inline constexpr std::int64_t kPlaceOfTv = 1;
bool PlaysStream(std::int64_t place);

// A player that tells no device: its program at its address. Addresses of one network of IPv6 (/64)
// are one: they change while it plays.
std::string NameOfPlayer(std::string_view address, std::string_view client);

}  // namespace holdfast::middleware
