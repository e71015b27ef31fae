// Events that a box fetches with its heartbeat: messages to the viewer, and commands.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/clock.h"
#include "services/middleware/domain/ids.h"
#include "services/middleware/domain/lineup.h"

namespace holdfast::middleware {

// Whom an event is for.
struct EventTarget {
  enum class Kind { kAll, kMacs, kAccounts, kModels, kPackages };
  Kind kind = Kind::kAll;
  std::vector<std::string> names;  // unless kAll
};

struct BoxEvent {
  std::int64_t id = 0;
  std::string word;  // of the protocol: "send_msg"
  std::string text;  // what the viewer reads, or the channel's number
  std::string parameter;
  bool reboot_after_ok = false;
  bool needs_confirmation = false;
  int auto_hide_seconds = 0;  // 0: until the viewer closes it
  std::int64_t created_at_ms = 0;
  std::int64_t not_before_ms = 0;
  std::int64_t expires_at_ms = 0;
  EventTarget target;

  friend bool operator==(const BoxEvent&, const BoxEvent&) = default;
};

bool operator==(const EventTarget& a, const EventTarget& b);

// Whether boxes know such an event.
bool IsEventWord(std::string_view word);
// Messages wait for the viewer; a command that comes late does harm.
bool IsMessage(std::string_view word);
// Greater goes first: what cuts off or on, then restarts, then reloads, then the rest.
int PriorityOf(std::string_view word);

struct EventReceiver {
  std::string_view mac;
  std::string_view account;
  std::string_view model;
  const PackageSet& packages;
};

bool IsFor(const BoxEvent& event, const EventReceiver& receiver);
// Neither too early nor too late.
bool IsDue(const BoxEvent& event, WallTime now);
// The order in which a box gets them.
bool GoesBefore(const BoxEvent& a, const BoxEvent& b);

}  // namespace holdfast::middleware
