// How many devices of an account play at once, as the surfaces ask and tell it: boxes, apps of the
// Xtream family, playlists, REST v1, operators.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "services/middleware/device_table.h"
#include "services/middleware/domain/entitlement.h"
#include "services/middleware/json_writer.h"
#include "services/middleware/portal_call.h"
#include "services/middleware/stream_slots.h"

namespace holdfast::middleware {

// A device that plays, with what is known of it.
struct NamedStream {
  ShownStream shown;
  std::int64_t device_id = 0;  // 0: an app that is no device
  std::string model;           // of a box, or the program of such an app; "": not known
};

// Thread-safe; memory only. What it is given outlives it.
class StreamGate {
 public:
  StreamGate(StreamSlots& slots, const DeviceTable& devices) : slots_(slots), devices_(devices) {}

  // Whether this box, or this device of REST v1, may play `content` (a number of its own), as far
  // as the number of streams goes.
  bool Admits(const Device& device, const Entitlement& entitlement, std::uint64_t content = 0);

  // The answer depends on what other instances are not heard of any more.
  std::optional<Degradation> Alone(const Entitlement& entitlement) const;

  // What a viewer reads who is refused.
  std::string Words(const AccountId& account, const Entitlement& entitlement) const;

  std::vector<NamedStream> List(const AccountId& account) const;
  // As the API shows them: [{"device_id":..,"model":..,"since":..}, ..], `own` marked.
  void Append(JsonWriter& json, const AccountId& account, std::string_view own) const;

  StreamSlots& slots() const { return slots_; }

 private:
  StreamSlots& slots_;
  const DeviceTable& devices_;
};

}  // namespace holdfast::middleware
