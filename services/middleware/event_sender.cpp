#include "services/middleware/event_sender.h"

#include <utility>

#include "libs/base/status.h"
#include "services/middleware/convert.h"
#include "services/middleware/domain/box_event.h"

namespace holdfast::middleware {
namespace {

constexpr std::int64_t kMillisPerSecond = 1000;
constexpr std::int64_t kKeepMessages = 7 * 86'400;  // seconds
constexpr std::int64_t kLongestKeep = 31 * 86'400;
constexpr std::size_t kLongestText = 4000;
constexpr int kMostNames = 100'000;

absl::Status CheckEvent(const v1::SendEventRequest& request) {
  if (request.idempotency_key().empty() || request.idempotency_key().size() > 200) {
    return InvalidArgument("idempotency_key has not from 1 to 200 characters");
  }
  if (!IsEventWord(request.event())) {
    return InvalidArgument("no box knows an event '{}'", request.event());
  }
  if (IsMessage(request.event()) && request.text().empty()) {
    return InvalidArgument("the text of a message is empty");
  }
  if (request.text().size() > kLongestText || request.parameter().size() > kLongestText) {
    return InvalidArgument("text or parameter is longer than {} bytes", kLongestText);
  }
  const v1::EventTarget& target = request.target();
  const int kinds = (target.macs_size() > 0) + (target.account_ids_size() > 0) +
                    (target.models_size() > 0) + (target.package_ids_size() > 0);
  if (kinds > 1) return InvalidArgument("the target names more than one kind");
  if (target.macs_size() > kMostNames || target.account_ids_size() > kMostNames) {
    return InvalidArgument("the target has more than {} names", kMostNames);
  }
  if (request.keep_seconds() < 0 || request.keep_seconds() > kLongestKeep) {
    return InvalidArgument("keep_seconds is not from 0 to {}", kLongestKeep);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::BoxEvent> EventSender::Send(const v1::SendEventRequest& request,
                                               Deadline deadline) {
  HOLDFAST_RETURN_IF_ERROR(CheckEvent(request));
  v1::SendEventRequest normal = request;
  for (std::string& mac : *normal.mutable_target()->mutable_macs()) {
    HOLDFAST_ASSIGN_OR_RETURN(const Mac parsed, ParseMac(mac));
    mac = parsed.text();
  }
  const std::int64_t now_ms = EpochMillis(clock_.Now());
  const bool message = IsMessage(request.event());
  const std::int64_t keep_seconds = request.keep_seconds() > 0 ? request.keep_seconds()
                                    : message                  ? kKeepMessages
                                              : 2 * heartbeat_.count() / kMillisPerSecond;
  const auto make = [&](std::int64_t id) {
    v1::BoxEvent event;
    event.set_event_id(id);
    event.set_event(normal.event());
    event.set_text(normal.text());
    event.set_parameter(normal.parameter());
    event.set_reboot_after_ok(normal.reboot_after_ok());
    event.set_needs_confirmation(normal.has_needs_confirmation() ? normal.needs_confirmation()
                                                                 : message);
    event.set_auto_hide_seconds(normal.auto_hide_seconds());
    event.set_created_at_ms(now_ms);
    event.set_not_before_ms(normal.not_before_ms());
    event.set_expires_at_ms(std::max(now_ms, normal.not_before_ms()) +
                            keep_seconds * kMillisPerSecond);
    *event.mutable_target() = normal.target();
    return event.SerializeAsString();
  };
  HOLDFAST_ASSIGN_OR_RETURN(
      const std::string stored,
      store_.AddItem(deadline, kEventTopic, "k" + request.idempotency_key(), make));
  v1::BoxEvent event;
  if (!event.ParseFromString(stored)) return Internal("a stored event cannot be parsed");
  return event;
}

}  // namespace holdfast::middleware
