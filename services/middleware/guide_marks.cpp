#include "services/middleware/guide_marks.h"

#include "services/middleware/convert_items.h"

namespace holdfast::middleware {

std::optional<GuideMarks> MarksFor(ViewerData& viewers, const PortalCall& call) {
  const auto items = viewers.Known(ViewerOf(*call.device));
  if (items == nullptr) return std::nullopt;
  GuideMarks marks;
  for (const ViewerItem* item : items->Newest(ViewerItem::Kind::kReminder)) {
    marks.reminders.insert(item->key);
  }
  for (const ViewerItem* item : items->Newest(ViewerItem::Kind::kRecording)) {
    const auto recording = RecordingIn(*item->text);
    if (!recording || recording->programme_start == 0) continue;
    if (recording->on_box() && recording->mac != call.device->mac) continue;
    marks.recordings[RealId(recording->channel, recording->programme_start)] = recording->id;
  }
  return marks;
}

}  // namespace holdfast::middleware
