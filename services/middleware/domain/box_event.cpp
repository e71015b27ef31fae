#include "services/middleware/domain/box_event.h"

#include <algorithm>
#include <tuple>

namespace holdfast::middleware {
namespace {

struct Word {
  std::string_view word;
  int priority;
};

constexpr Word kWords[] = {
    {"cut_off", 5},
    {"cut_on", 5},
    {"reboot", 4},
    {"reload_portal", 4},
    {"update_channels", 3},
    {"update_subscription", 3},
    {"update_epg", 3},
    {"update_modules", 3},
    {"update_image", 3},
    {"mount_all_storages", 3},
    {"show_menu", 2},
    {"play_channel", 2},
    {"play_radio_channel", 2},
    {"additional_services_status", 2},
    {"updated_places", 2},
    {"send_msg", 1},
    {"send_msg_with_video", 1},
};

const Word* Find(std::string_view word) {
  const auto it = std::find_if(std::begin(kWords), std::end(kWords),
                               [&](const Word& known) { return known.word == word; });
  return it == std::end(kWords) ? nullptr : it;
}

}  // namespace

bool operator==(const EventTarget& a, const EventTarget& b) {
  return a.kind == b.kind && a.names == b.names;
}

bool IsEventWord(std::string_view word) { return Find(word) != nullptr; }

bool IsMessage(std::string_view word) {
  return word == "send_msg" || word == "send_msg_with_video";
}

int PriorityOf(std::string_view word) {
  const Word* known = Find(word);
  return known == nullptr ? 0 : known->priority;
}

bool IsFor(const BoxEvent& event, const EventReceiver& receiver) {
  const auto named = [&](std::string_view name) {
    return !name.empty() && std::find(event.target.names.begin(), event.target.names.end(), name) !=
                                event.target.names.end();
  };
  switch (event.target.kind) {
    case EventTarget::Kind::kAll:
      return true;
    case EventTarget::Kind::kMacs:
      return named(receiver.mac);
    case EventTarget::Kind::kAccounts:
      return named(receiver.account);
    case EventTarget::Kind::kModels:
      return named(receiver.model);
    case EventTarget::Kind::kPackages:
      return std::any_of(
          event.target.names.begin(), event.target.names.end(),
          [&](const std::string& id) { return receiver.packages.Contains(PackageId(id)); });
  }
  return false;
}

bool IsDue(const BoxEvent& event, WallTime now) {
  const std::int64_t now_ms = EpochMillis(now);
  return event.not_before_ms <= now_ms && now_ms < event.expires_at_ms;
}

bool GoesBefore(const BoxEvent& a, const BoxEvent& b) {
  return std::tuple(-PriorityOf(a.word), a.created_at_ms, a.id) <
         std::tuple(-PriorityOf(b.word), b.created_at_ms, b.id);
}

}  // namespace holdfast::middleware
