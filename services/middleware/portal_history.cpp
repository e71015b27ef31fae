#include "services/middleware/portal_history.h"

#include <utility>

#include "services/middleware/convert_items.h"
#include "services/middleware/json_writer.h"
#include "services/middleware/portal_itv.h"
#include "services/middleware/portal_reminders.h"

namespace holdfast::middleware {

void HistoryActions::AddTo(ActionTable& table) {
  const auto add = [&](std::string_view type, std::string_view action,
                       std::function<PortalAnswer(PortalCall&)> work) {
    table.Add(type, action, Access::kSubscriber,
              [work](PortalCall&) -> PortalOutcome { return Later{work}; });
  };
  using What = HistoryEntry::What;
  add("itv", "set_played", [this](PortalCall& c) {
    PortalAnswer id = Begin(c, What::kChannel, "itv_id");
    if (id.text != "false") id.text = "true";  // marked as it is
    return id;
  });
  add("tv_archive", "set_played",
      [this](PortalCall& c) { return Begin(c, What::kArchive, "ch_id"); });
  add("tv_archive", "set_played_timeshift",
      [this](PortalCall& c) { return Begin(c, What::kTimeShift, "ch_id"); });
  add("tv_archive", "update_played_end_time", [this](PortalCall& c) { return End(c); });
  add("tv_archive", "update_played_timeshift_end_time", [this](PortalCall& c) { return End(c); });
}

// Answers the number by which the box later says that it has ended.
PortalAnswer HistoryActions::Begin(const PortalCall& call, HistoryEntry::What what,
                                   std::string_view field) {
  const ChannelId channel = ParseChannelId(call.Get(field));
  const auto lineup = models_.lineup();
  if (FindVisible(*lineup, call, call.Get(field)) == nullptr) return PortalAnswer::False();
  const std::int64_t id = viewers_.NewHistoryId();
  const HistoryEntry entry{.what = what,
                           .content_id = std::to_string(channel.value()),
                           .started_at = EpochSeconds(call.now)};
  return SavedAnswer(
      viewers_.Save(
          ViewerOf(*call.device),
          {{.kind = ViewerItem::Kind::kHistory, .key = std::to_string(id), .text = TextOf(entry)}},
          ViewerData::Path::kDiskFirst, ViewerDeadline()),
      PortalAnswer::Js(std::to_string(id)));
}

PortalAnswer HistoryActions::End(const PortalCall& call) {
  const std::int64_t id = call.form.Int("hist_id", 0);
  const std::string viewer = ViewerOf(*call.device);
  const ViewerData::Loaded loaded = viewers_.Load(viewer, ViewerDeadline());
  const ViewerItem* item = loaded.items->Find(ViewerItem::Kind::kHistory, std::to_string(id));
  std::optional<HistoryEntry> entry;
  if (item != nullptr) entry = HistoryEntryIn(*item->text);
  if (!entry) return Marked(PortalAnswer::False(), loaded.degraded);
  entry->ended_at = EpochSeconds(call.now);
  return SavedAnswer(viewers_.Save(
      viewer,
      {{.kind = ViewerItem::Kind::kHistory, .key = std::to_string(id), .text = TextOf(*entry)}},
      ViewerData::Path::kDiskFirst, ViewerDeadline()));
}

}  // namespace holdfast::middleware
