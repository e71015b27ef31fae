// Operators' REST: messages and commands to boxes, and the audit log.
#include <algorithm>
#include <optional>
#include <utility>

#include "libs/base/status.h"
#include "services/middleware/admin_resources.h"
#include "services/middleware/convert_items.h"
#include "services/middleware/domain/m3u.h"
#include "services/middleware/domain/xtream_address.h"

namespace holdfast::middleware {
namespace {

const std::string kTopic = "box_event";
constexpr std::int64_t kMillisPerSecond = 1000;

}  // namespace

http::Response AdminResources::Messages(const AdminCall& call) {
  const std::optional<int> limit = LimitOf(call);
  if (!limit) return BadLimit();
  const std::optional<Cursor> after = ParseCursor(call.Get("cursor"));
  if (!after) return BadCursor();
  const auto stored = store_.ItemsSince(call.deadline, kTopic, 0);
  if (!stored.ok()) return ProblemOf(stored.status(), *v1::SendEventRequest::descriptor());
  std::vector<v1::BoxEventInfo> events;
  for (const StoredItem& row : *stored) {
    v1::BoxEvent event;
    if (!row.content || !event.ParseFromString(*row.content)) continue;
    const bool waiting = event.expires_at_ms() > EpochMillis(call.now);
    if (waiting && event.event_id() > after->major) events.push_back(InfoOf(event));
  }
  std::sort(events.begin(), events.end(),
            [](const auto& a, const auto& b) { return a.event_id() < b.event_id(); });
  PageWriter writer;
  const std::size_t shown = std::min(events.size(), static_cast<std::size_t>(*limit));
  for (std::size_t i = 0; i < shown; ++i) writer.Add(events[i]);
  return JsonAnswer(
      call, writer.Finish(shown < events.size()
                              ? std::optional(ToText(Cursor{events[shown - 1].event_id(), 0}))
                              : std::nullopt));
}

http::Response AdminResources::SendMessage(const AdminCall& call) {
  v1::SendEventRequest request;
  const absl::Status read = ReadBody(call.body, request);
  if (!read.ok()) return ProblemOf(read, *request.GetDescriptor());
  if (!request.idempotency_key().empty()) {
    return FieldProblem(400, "invalid", "idempotency_key",
                        "idempotency_key stands in the header Idempotency-Key");
  }
  request.set_idempotency_key("rest " + call.who.name + " " + call.idempotency_key);
  return DoAndShow(call, &Service::SendEvent, request, 201);
}

http::Response AdminResources::CancelMessage(const AdminCall& call) {
  v1::CancelEventRequest request;
  request.set_event_id(call.id());
  const auto done = Do(call, &Service::CancelEvent, request);
  return done.ok() ? NoContent() : ProblemOf(done.status(), *request.GetDescriptor());
}

http::Response AdminResources::AuditLog(const AdminCall& call) {
  const std::optional<int> limit = LimitOf(call);
  if (!limit) return BadLimit();
  const std::optional<std::string> cursor = CursorText(call);
  const std::int64_t before = cursor && !cursor->empty() ? ParseChannelId(*cursor).value() : 0;
  if (!cursor || (before == 0 && !cursor->empty())) return BadCursor();
  v1::ListAuditRequest request;
  for (const char* name : {"since", "until"}) {
    const std::string_view text = call.Get(name);
    const auto time = text.empty() ? std::optional<std::int64_t>(0) : ParseCatchUpStart(text);
    if (!time) {
      return FieldProblem(400, "invalid", name,
                          fmt::format("{} is neither RFC 3339 nor epoch seconds", name));
    }
    const std::int64_t milliseconds = *time * kMillisPerSecond;
    if (name[0] == 's') {
      request.set_since_ms(milliseconds);
    } else {
      request.set_until_ms(milliseconds);
    }
  }
  request.set_actor(CleanUtf8(call.Get("actor")));
  request.set_action(CleanUtf8(call.Get("action")));
  request.set_object(CleanUtf8(call.Get("object")));
  request.set_before_entry_id(before);
  request.set_page_size(*limit);
  const auto found = service_.ListAudit(call.rpc(), request);
  if (!found.ok()) return ProblemOf(found.status(), *request.GetDescriptor());
  PageWriter writer;
  for (const v1::AuditEntry& entry : found->entries()) writer.Add(entry);
  const std::int64_t next = found->next_before_entry_id();
  return JsonAnswer(call, writer.Finish(next == 0 ? std::nullopt
                                                  : std::optional(CursorOf(std::to_string(next)))));
}

}  // namespace holdfast::middleware
