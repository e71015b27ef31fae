// Wire types of events, viewers' items and the catalogue become ours, and back.
#pragma once

#include <optional>
#include <string>

#include "holdfast/middleware/v1/middleware.pb.h"
#include "holdfast/middleware/v1/replica_items.pb.h"
#include "services/middleware/domain/box_event.h"
#include "services/middleware/domain/viewer_item.h"
#include "services/middleware/domain/viewer_records.h"

namespace holdfast::middleware {

BoxEvent FromProto(const v1::BoxEvent& event);
v1::BoxEvent ToProto(const BoxEvent& event);
v1::BoxEventInfo InfoOf(const v1::BoxEvent& event);

v1::StoredViewerItem ToProto(const std::string& viewer, const ViewerItem& item);
ViewerItem FromProto(const v1::StoredViewerItem& item);

// The text of a viewer's item; nothing if it says something else.
std::string TextOf(const ResumePoint& point);
std::string TextOf(const HistoryEntry& entry);
std::string TextOf(const Reminder& reminder);
std::string TextOf(const Recording& recording);
std::optional<ResumePoint> ResumePointIn(const std::string& text);
std::optional<HistoryEntry> HistoryEntryIn(const std::string& text);
std::optional<Reminder> ReminderIn(const std::string& text);
std::optional<Recording> RecordingIn(const std::string& text);

}  // namespace holdfast::middleware
