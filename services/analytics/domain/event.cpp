#include "services/analytics/domain/event.h"

#include <algorithm>

#include "libs/base/status.h"

namespace holdfast::analytics {
namespace {

constexpr std::size_t kMaxId = 64;
constexpr std::size_t kMaxError = 32;

// Printable ASCII: it goes into keys, labels of reports and log lines.
bool IsPlain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 127; });
}

absl::Status CheckText(std::string_view name, std::string_view text, std::size_t max_size) {
  if (text.size() > max_size) {
    return InvalidArgument("{} has {} bytes, {} are allowed", name, text.size(), max_size);
  }
  if (!IsPlain(text)) return InvalidArgument("{} holds blanks or bytes that do not print", name);
  return absl::OkStatus();
}

}  // namespace

std::string_view NameOf(EventKind kind) {
  switch (kind) {
    case EventKind::kPlay:
      return "play";
    case EventKind::kStop:
      return "stop";
    case EventKind::kHeartbeat:
      return "heartbeat";
    case EventKind::kError:
      return "error";
    case EventKind::kZap:
      return "zap";
  }
  return "unknown";
}

absl::Status Validate(const PlaybackEvent& event, WallTime now) {
  if (event.id.value().empty()) return InvalidArgument("event without an id");
  if (event.channel.value().empty()) return InvalidArgument("event without a channel");
  HOLDFAST_RETURN_IF_ERROR(CheckText("event id", event.id.value(), kMaxId));
  HOLDFAST_RETURN_IF_ERROR(CheckText("channel id", event.channel.value(), kMaxId));
  HOLDFAST_RETURN_IF_ERROR(CheckText("edge id", event.edge.value(), kMaxId));
  HOLDFAST_RETURN_IF_ERROR(CheckText("error", event.error, kMaxError));
  if (event.kind == EventKind::kError && event.error.empty()) {
    return InvalidArgument("error event without an error");
  }
  if (event.at < now - kMaxEventAge) return InvalidArgument("event is too old");
  if (event.at > now + kMaxClockLead) return InvalidArgument("event is in the future");
  return absl::OkStatus();
}

}  // namespace holdfast::analytics
