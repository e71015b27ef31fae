#include "services/middleware/domain/stream_lease.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace holdfast::middleware {
namespace {

using namespace std::chrono_literals;

// Players open an address several times within seconds before they play: no reloads yet.
constexpr auto kOpening = 5s;
// So much longer than true others may count a slot that ends earlier than they were told.
constexpr auto kTooLong = 30s;
constexpr std::size_t kLongestName = 128;

bool Before(const StreamSlot& a, const StreamSlot& b) {
  return a.since_ms != b.since_ms ? a.since_ms < b.since_ms : a.device < b.device;
}

template <class Slots>
auto FindIn(Slots& slots, std::string_view device) -> decltype(&slots[0]) {
  for (auto& slot : slots) {
    if (slot.device == device) return &slot;
  }
  return nullptr;
}

// "2001:db8:1:2:3:4:5:6" -> "2001:db8:1:2"; as it is where fewer groups are written out.
std::string_view NetworkOf(std::string_view address) {
  // "::ffff:192.0.2.7"
  if (address.find('.') != std::string_view::npos) return address.substr(address.rfind(':') + 1);
  std::size_t end = 0;
  for (int groups = 0; groups < 4; ++groups) {
    const std::size_t colon = address.find(':', end);
    if (colon == std::string_view::npos) return address;
    if (colon + 1 < address.size() && address[colon + 1] == ':') return address.substr(0, colon);
    end = colon + 1;
  }
  return address.substr(0, end - 1);
}

}  // namespace

std::chrono::milliseconds StreamLeases::longest() const {
  return std::max({lease, silent_lease, reload_lease});
}

StreamSlot* AccountStreams::Find(std::string_view device) { return FindIn(slots_, device); }
const StreamSlot* AccountStreams::Find(std::string_view device) const {
  return FindIn(slots_, device);
}

StreamSlot* AccountStreams::Add(std::string_view device, const Moment& moment) {
  StreamSlot* slot = Find(device);
  if (slot == nullptr) {
    if (slots_.size() >= kMostSlots) Forget(moment.now, 0ms);
    if (slots_.size() >= kMostSlots) return nullptr;
    slot = &slots_.emplace_back();
    slot->device = device;
  } else if (slot->live(moment.now)) {
    return slot;
  }
  slot->since_ms = moment.now_ms;
  slot->vouches = false;
  slot->content = 0;
  slot->told_until = moment.now;
  return slot;
}

SlotVerdict AccountStreams::Judge(std::string_view device, int limit, SteadyTime now) const {
  const StreamSlot* own = Find(device);
  if (own != nullptr && !own->live(now)) own = nullptr;
  if (limit > 0) {
    const auto ahead = std::count_if(slots_.begin(), slots_.end(), [&](const StreamSlot& slot) {
      return &slot != own && slot.live(now) && (own == nullptr || Before(slot, *own));
    });
    if (ahead >= limit) return SlotVerdict::kRefused;
  }
  return own == nullptr ? SlotVerdict::kGranted : SlotVerdict::kKept;
}

SlotVerdict AccountStreams::Take(const SlotWish& wish, const StreamLeases& leases,
                                 const Moment& moment) {
  const SlotVerdict verdict = Judge(wish.device, wish.limit, moment.now);
  if (verdict == SlotVerdict::kRefused) {
    GiveBack(wish.device, moment.now);
    return verdict;
  }
  StreamSlot* slot = Add(wish.device, moment);
  if (slot == nullptr) return verdict;
  const bool same = wish.reloads && wish.content != 0 && slot->content == wish.content;
  if (!same) {
    slot->content = wish.content;
    slot->opened = moment.now;
  }
  slot->vouches |= wish.vouches;
  const bool returns = same && moment.now - slot->opened >= kOpening;
  slot->until = moment.now + (returns         ? leases.reload_lease
                              : slot->vouches ? leases.lease
                                              : leases.silent_lease);
  slot->seen = moment.now;
  slot->mine = true;
  return verdict;
}

void AccountStreams::Plays(std::string_view device, const StreamLeases& leases,
                           const Moment& moment) {
  StreamSlot* slot = Add(device, moment);
  if (slot == nullptr) return;
  slot->vouches = true;
  slot->until = moment.now + leases.lease;
  slot->seen = moment.now;
  slot->mine = true;
}

void AccountStreams::Heartbeat(std::string_view device, bool plays, const StreamLeases& leases,
                               SteadyTime now) {
  StreamSlot* slot = Find(device);
  if (slot == nullptr || !slot->live(now) || !slot->vouches) return;
  slot->until = plays ? now + leases.lease : now;
  slot->seen = now;
  slot->mine = true;
}

bool AccountStreams::GiveBack(std::string_view device, SteadyTime now) {
  StreamSlot* slot = Find(device);
  if (slot == nullptr || !slot->live(now)) return false;
  slot->until = now;
  slot->seen = now;
  slot->mine = true;
  return true;
}

void AccountStreams::Learn(const StreamSlot& told, SteadyTime now) {
  StreamSlot* slot = Find(told.device);
  if (slot == nullptr) {
    if (slots_.size() >= kMostSlots) Forget(now, 0ms);
    if (slots_.size() >= kMostSlots) return;
    slots_.push_back(told);
    return;
  }
  if (slot->seen > told.seen) {
    // Everybody else believes what was told now. What is known here is newer.
    slot->told_until = told.until;
    return;
  }
  // Two instances may have granted it at once: the earlier time is its rank for all.
  if (slot->live(now) && told.live(now)) {
    slot->since_ms = std::min(slot->since_ms, told.since_ms);
  } else {
    slot->since_ms = told.since_ms;
  }
  slot->seen = told.seen;
  slot->until = told.until;
  slot->told_until = told.until;
  slot->vouches = told.vouches;
  slot->mine = false;
}

void AccountStreams::Forget(SteadyTime now, std::chrono::milliseconds for_longer) {
  slots_.erase(std::remove_if(slots_.begin(), slots_.end(),
                              [&](const StreamSlot& slot) {
                                const bool others_count_it = slot.queued && slot.told_until > now;
                                return !others_count_it &&
                                       std::max(slot.until, slot.seen) + for_longer <= now;
                              }),
               slots_.end());
}

int AccountStreams::Live(SteadyTime now) const {
  return static_cast<int>(std::count_if(slots_.begin(), slots_.end(),
                                        [&](const StreamSlot& slot) { return slot.live(now); }));
}

bool WorthTelling(const StreamSlot& slot, SteadyTime now) {
  if (!slot.mine) return false;
  if (!slot.live(now)) return slot.told_until > now;
  return slot.told_until < now + (slot.until - now) / 2 || slot.told_until > slot.until + kTooLong;
}

bool PlaysStream(std::int64_t place) {
  switch (place) {
    case kPlaceOfTv:
    case 2:   // films
    case 6:   // own records
    case 7:   // shared records
    case 9:   // advert
    case 11:  // archive
    case 12:  // records
    case 14:  // time shift
      return true;
    default:
      return false;
  }
}

std::string NameOfPlayer(std::string_view address, std::string_view client) {
  std::string name = absl::StrCat("app ", std::string(NetworkOf(address)), " ",
                                  std::string(client.empty() ? "unknown" : client));
  if (name.size() > kLongestName) name.resize(kLongestName);
  return name;
}

}  // namespace holdfast::middleware
