#include "services/middleware/convert_items.h"

namespace holdfast::middleware {
namespace {

std::vector<std::string> Strings(const google::protobuf::RepeatedPtrField<std::string>& field) {
  return {field.begin(), field.end()};
}

EventTarget FromProto(const v1::EventTarget& target) {
  using Kind = EventTarget::Kind;
  if (target.macs_size() > 0) return {Kind::kMacs, Strings(target.macs())};
  if (target.account_ids_size() > 0) return {Kind::kAccounts, Strings(target.account_ids())};
  if (target.models_size() > 0) return {Kind::kModels, Strings(target.models())};
  if (target.package_ids_size() > 0) return {Kind::kPackages, Strings(target.package_ids())};
  return {Kind::kAll, {}};
}

v1::EventTarget ToProto(const EventTarget& target) {
  v1::EventTarget proto;
  for (const std::string& name : target.names) {
    switch (target.kind) {
      case EventTarget::Kind::kAll:
        break;
      case EventTarget::Kind::kMacs:
        proto.add_macs(name);
        break;
      case EventTarget::Kind::kAccounts:
        proto.add_account_ids(name);
        break;
      case EventTarget::Kind::kModels:
        proto.add_models(name);
        break;
      case EventTarget::Kind::kPackages:
        proto.add_package_ids(name);
        break;
    }
  }
  return proto;
}

std::optional<v1::ViewerRecord> Parse(const std::string& text) {
  v1::ViewerRecord record;
  if (!record.ParseFromString(text)) return std::nullopt;
  return record;
}

}  // namespace

BoxEvent FromProto(const v1::BoxEvent& event) {
  BoxEvent ours;
  ours.id = event.event_id();
  ours.word = event.event();
  ours.text = event.text();
  ours.parameter = event.parameter();
  ours.reboot_after_ok = event.reboot_after_ok();
  ours.needs_confirmation = event.needs_confirmation();
  ours.auto_hide_seconds = event.auto_hide_seconds();
  ours.created_at_ms = event.created_at_ms();
  ours.not_before_ms = event.not_before_ms();
  ours.expires_at_ms = event.expires_at_ms();
  ours.target = FromProto(event.target());
  return ours;
}

v1::BoxEvent ToProto(const BoxEvent& event) {
  v1::BoxEvent proto;
  proto.set_event_id(event.id);
  proto.set_event(event.word);
  proto.set_text(event.text);
  proto.set_parameter(event.parameter);
  proto.set_reboot_after_ok(event.reboot_after_ok);
  proto.set_needs_confirmation(event.needs_confirmation);
  proto.set_auto_hide_seconds(event.auto_hide_seconds);
  proto.set_created_at_ms(event.created_at_ms);
  proto.set_not_before_ms(event.not_before_ms);
  proto.set_expires_at_ms(event.expires_at_ms);
  *proto.mutable_target() = ToProto(event.target);
  return proto;
}

v1::BoxEventInfo InfoOf(const v1::BoxEvent& event) {
  v1::BoxEventInfo info;
  info.set_event_id(event.event_id());
  info.set_event(event.event());
  info.set_text(event.text());
  *info.mutable_target() = event.target();
  info.set_not_before_ms(event.not_before_ms());
  info.set_expires_at_ms(event.expires_at_ms());
  return info;
}

v1::StoredViewerItem ToProto(const std::string& viewer, const ViewerItem& item) {
  v1::StoredViewerItem proto;
  proto.set_viewer(viewer);
  proto.set_kind(static_cast<int>(item.kind));
  proto.set_key(item.key);
  if (item.text) proto.set_content(*item.text);
  proto.set_at_ms(item.at_ms);
  proto.set_sequence(item.sequence);
  return proto;
}

ViewerItem FromProto(const v1::StoredViewerItem& item) {
  ViewerItem ours;
  ours.kind = static_cast<ViewerItem::Kind>(item.kind());
  ours.key = item.key();
  if (item.has_content()) ours.text = item.content();
  ours.at_ms = item.at_ms();
  ours.sequence = item.sequence();
  return ours;
}

std::string TextOf(const ResumePoint& point) {
  v1::ViewerRecord record;
  auto& proto = *record.mutable_resume_point();
  proto.set_position_seconds(point.position_seconds);
  proto.set_episode(point.episode);
  proto.set_file_id(point.file_id);
  proto.set_ended(point.ended);
  return record.SerializeAsString();
}

std::string TextOf(const HistoryEntry& entry) {
  v1::ViewerRecord record;
  auto& proto = *record.mutable_history();
  proto.set_what(static_cast<int>(entry.what));
  proto.set_content_id(entry.content_id);
  proto.set_started_at(entry.started_at);
  proto.set_ended_at(entry.ended_at);
  return record.SerializeAsString();
}

std::string TextOf(const Reminder& reminder) {
  v1::ViewerRecord record;
  auto& proto = *record.mutable_reminder();
  proto.set_fire_at(reminder.fire_at);
  proto.set_channel_id(reminder.channel.value());
  proto.set_start(reminder.start);
  proto.set_channel_name(reminder.channel_name);
  proto.set_programme_name(reminder.programme_name);
  return record.SerializeAsString();
}

std::optional<ResumePoint> ResumePointIn(const std::string& text) {
  const auto record = Parse(text);
  if (!record || !record->has_resume_point()) return std::nullopt;
  const auto& proto = record->resume_point();
  return ResumePoint{.position_seconds = proto.position_seconds(),
                     .episode = proto.episode(),
                     .file_id = proto.file_id(),
                     .ended = proto.ended()};
}

std::optional<HistoryEntry> HistoryEntryIn(const std::string& text) {
  const auto record = Parse(text);
  if (!record || !record->has_history()) return std::nullopt;
  const auto& proto = record->history();
  return HistoryEntry{.what = static_cast<HistoryEntry::What>(proto.what()),
                      .content_id = proto.content_id(),
                      .started_at = proto.started_at(),
                      .ended_at = proto.ended_at()};
}

std::optional<Reminder> ReminderIn(const std::string& text) {
  const auto record = Parse(text);
  if (!record || !record->has_reminder()) return std::nullopt;
  const auto& proto = record->reminder();
  return Reminder{.fire_at = proto.fire_at(),
                  .channel = ChannelId(proto.channel_id()),
                  .start = proto.start(),
                  .channel_name = proto.channel_name(),
                  .programme_name = proto.programme_name()};
}

std::string TextOf(const Recording& recording) {
  v1::ViewerRecord record;
  auto& proto = *record.mutable_recording();
  proto.set_recording_id(recording.id);
  proto.set_channel_id(recording.channel.value());
  proto.set_start(recording.start);
  proto.set_stop(recording.stop);
  proto.set_programme_start(recording.programme_start);
  proto.set_channel_name(recording.channel_name);
  proto.set_programme_name(recording.programme_name);
  proto.set_mac(recording.mac);
  proto.set_file(recording.file);
  proto.set_internal_id(recording.internal_id);
  return record.SerializeAsString();
}

std::optional<Recording> RecordingIn(const std::string& text) {
  const auto record = Parse(text);
  if (!record || !record->has_recording()) return std::nullopt;
  const auto& proto = record->recording();
  return Recording{.id = proto.recording_id(),
                   .channel = ChannelId(proto.channel_id()),
                   .start = proto.start(),
                   .stop = proto.stop(),
                   .programme_start = proto.programme_start(),
                   .channel_name = proto.channel_name(),
                   .programme_name = proto.programme_name(),
                   .mac = proto.mac(),
                   .file = proto.file(),
                   .internal_id = proto.internal_id()};
}

}  // namespace holdfast::middleware
