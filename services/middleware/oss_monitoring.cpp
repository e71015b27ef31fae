#include "services/middleware/oss_monitoring.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <utility>

#include "libs/base/status.h"
#include "services/middleware/domain/lineup_edit.h"

namespace holdfast::middleware {
namespace {

constexpr int kTries = 5;
constexpr std::size_t kMostParts = 1'000'000;

// "12" of "12/34"; what follows the number stays in `text`.
std::optional<std::size_t> TakeNumber(std::string_view& text) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number > kMostParts) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

// What stands behind "name=" in the header.
std::optional<std::string_view> ParameterOf(std::string_view accept, std::string_view name) {
  const std::size_t at = accept.find(name);
  if (at == std::string_view::npos) return std::nullopt;
  return accept.substr(at + name.size());
}

// The first half of [0, total) ends where the second begins.
std::size_t EdgeOf(std::size_t part, std::size_t parts, std::size_t total) {
  return (2 * part * total + parts) / (2 * parts);
}

std::string OneWord(std::string_view name) {
  std::string word(name);
  for (char& c : word) {
    if (static_cast<unsigned char>(c) <= ' ') c = '_';
  }
  return word;
}

std::vector<ChannelId> ChannelsIn(const OssCall& call) {
  std::vector<ChannelId> ids;
  for (const std::string& id : call.ids) ids.push_back(ParseChannelId(id));
  return ids;
}

std::string_view FieldOf(const OssCall& call) {
  return call.resource == "itv" ? "monitoring_status" : "status";
}

}  // namespace

bool IsOfRadio(const OssCall& call) {
  return call.resource == "monitoring_links" && call.Get("type") == "radio";
}

absl::StatusOr<bool> SaidDown(const OssCall& call, std::string_view field) {
  const std::string_view said = call.Get(field);
  if (said == "0") return true;
  if (said == "1") return false;
  return InvalidArgument("{} is neither 1 (up) nor 0 (down)", field);
}

std::string MonitoringLine(std::int64_t id, std::string_view address, std::string_view name,
                           bool down) {
  return fmt::format("{} {} stream {} {}\n", id, address, OneWord(name), down ? "down" : "up");
}

absl::StatusOr<OssPart> MonitoringPart(std::string_view accept, std::size_t total) {
  if (const auto items = ParameterOf(accept, "items=")) {
    std::string_view rest = *items;
    const auto first = TakeNumber(rest);
    if (!first || *first == 0 || !rest.starts_with('-')) {
      return InvalidArgument("items is not like 1-50");
    }
    rest.remove_prefix(1);
    const std::size_t last = TakeNumber(rest).value_or(total);
    const std::size_t begin = std::min(*first - 1, total);
    return OssPart{begin, std::clamp(last, begin, total)};
  }
  if (const auto part = ParameterOf(accept, "part=")) {
    std::string_view rest = *part;
    const auto number = TakeNumber(rest);
    if (!number || !rest.starts_with('/')) return InvalidArgument("part is not like 1/2");
    rest.remove_prefix(1);
    const auto parts = TakeNumber(rest);
    if (!parts || *number == 0 || *number > *parts) return InvalidArgument("part is not like 1/2");
    return OssPart{EdgeOf(*number - 1, *parts, total), EdgeOf(*number, *parts, total)};
  }
  return OssPart{0, total};
}

OssAnswer OssMonitoring::Links(const OssCall& call) {
  const std::string_view type = call.Get("type");
  if (!type.empty() && type != "itv" && type != "radio") {
    return InvalidArgument("type is neither itv nor radio");
  }
  if (call.action == OssAction::kGet && call.accept.find(kMonitoringForm) == std::string::npos) {
    return InvalidArgument("Unsupported Accept header, use {}", kMonitoringForm);
  }
  if (call.action == OssAction::kGet) return IsOfRadio(call) ? ShowStations(call) : Show(call);
  if (call.action == OssAction::kUpdate) {
    return IsOfRadio(call) ? PutStations(call) : Put(call, FieldOf(call), "Empty link id");
  }
  return NotSupported(call);
}

OssAnswer OssMonitoring::PutChannels(const OssCall& call) {
  return Put(call, FieldOf(call), "Identifier required");
}

OssAnswer OssMonitoring::Show(const OssCall& call) const {
  const auto lineup = parts_.models.lineup();
  std::vector<const Channel*> channels;
  const std::string_view status = call.Get("status");
  for (const Channel& channel : lineup->channels()) {
    if (status.empty() || (status == "down") == channel.monitoring.down) {
      channels.push_back(&channel);
    }
  }
  HOLDFAST_ASSIGN_OR_RETURN(const OssPart part, MonitoringPart(call.accept, channels.size()));
  std::string text;
  for (std::size_t i = part.first; i < part.end; ++i) {
    const Channel& channel = *channels[i];
    const auto link = parts_.links.Live(channel, {"monitoring", "monitoring"}, call.now);
    if (!link) return Unavailable("no edge serves channel {}", channel.id.value());
    text += MonitoringLine(channel.link().value(), link->address, channel.name,
                           channel.monitoring.down);
  }
  call.is_text = true;
  return text;
}

bool OssMonitoring::SaysNothingNew(const OssCall& call) const {
  if (IsOfRadio(call)) return StationsSayNothingNew(call);
  const std::string_view said = call.Get(FieldOf(call));
  if (call.action != OssAction::kUpdate || call.ids.empty() || (said != "0" && said != "1")) {
    return false;
  }
  const bool down = said == "0";
  const auto lineup = parts_.models.lineup();
  const std::vector<ChannelId> ids = ChannelsIn(call);
  absl::MutexLock lock(&mutex_);
  return std::all_of(ids.begin(), ids.end(), [&](ChannelId id) {
    const Channel* channel = lineup->FindChannel(id);
    const auto told = told_down_.find(id);
    return channel != nullptr && channel->monitoring.down == down &&
           (told == told_down_.end() || told->second == down);
  });
}

OssAnswer OssMonitoring::Put(const OssCall& call, std::string_view field, std::string_view nobody) {
  HOLDFAST_RETURN_IF_ERROR(NeedFields(call));
  if (!call.Has(field)) return InvalidArgument("Update data is empty");
  if (call.ids.empty()) return InvalidArgument("{}", nobody);
  HOLDFAST_ASSIGN_OR_RETURN(const bool down, SaidDown(call, field));
  if (SaysNothingNew(call)) return kOssTrue;
  const std::vector<ChannelId> ids = ChannelsIn(call);
  absl::Status done;
  for (int i = 0; i < kTries; ++i) {
    HOLDFAST_ASSIGN_OR_RETURN(const StoredLineup stored, parts_.store.LoadLineup(call.deadline));
    HOLDFAST_ASSIGN_OR_RETURN(const LineupImport plan, PlanMonitoring(stored, ids, down, call.now));
    if (plan.changes_anything()) done = parts_.store.Apply(call.deadline, plan);
    if (!absl::IsAborted(done)) break;  // else another writer was first
  }
  HOLDFAST_RETURN_IF_ERROR(done);
  parts_.metrics.lineup_imports.Add();
  absl::MutexLock lock(&mutex_);
  for (const ChannelId id : ids) told_down_[id] = down;
  return kOssTrue;
}

}  // namespace holdfast::middleware
