// Radio stations in monitoring_links: type=radio. They are played from their own addresses.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "holdfast/middleware/v1/replica_items.pb.h"
#include "libs/base/status.h"
#include "services/middleware/oss_monitoring.h"

namespace holdfast::middleware {
namespace {

constexpr std::string_view kField = "status";
const std::string kTopic = "catalogue";

std::int64_t StationIn(const std::string& id) { return ParseChannelId(id).value(); }

const RadioStation* FindStation(const Catalogue& catalogue, std::int64_t id) {
  const auto found = std::ranges::find(catalogue.stations(), id, &RadioStation::id);
  return found == catalogue.stations().end() ? nullptr : &*found;
}

}  // namespace

OssAnswer OssMonitoring::ShowStations(const OssCall& call) const {
  const auto catalogue = parts_.models.catalogue();
  const std::string_view status = call.Get("status");
  std::vector<const RadioStation*> stations;
  for (const RadioStation& station : catalogue->stations()) {
    if (status.empty() || (status == "down") == station.down) stations.push_back(&station);
  }
  HOLDFAST_ASSIGN_OR_RETURN(const OssPart part, MonitoringPart(call.accept, stations.size()));
  std::string text;
  for (std::size_t i = part.first; i < part.end; ++i) {
    text +=
        MonitoringLine(stations[i]->id, stations[i]->address, stations[i]->name, stations[i]->down);
  }
  call.is_text = true;
  return text;
}

bool OssMonitoring::StationsSayNothingNew(const OssCall& call) const {
  const auto down = SaidDown(call, kField);
  if (call.action != OssAction::kUpdate || call.ids.empty() || !down.ok()) return false;
  const auto catalogue = parts_.models.catalogue();
  absl::MutexLock lock(&mutex_);
  return std::all_of(call.ids.begin(), call.ids.end(), [&](const std::string& id) {
    const RadioStation* station = FindStation(*catalogue, StationIn(id));
    const auto told = told_station_down_.find(StationIn(id));
    return station != nullptr && station->down == *down &&
           (told == told_station_down_.end() || told->second == *down);
  });
}

OssAnswer OssMonitoring::PutStations(const OssCall& call) {
  HOLDFAST_RETURN_IF_ERROR(NeedFields(call));
  if (!call.Has(kField)) return InvalidArgument("Update data is empty");
  if (call.ids.empty()) return InvalidArgument("Empty link id");
  HOLDFAST_ASSIGN_OR_RETURN(const bool down, SaidDown(call, kField));
  if (SaysNothingNew(call)) return kOssTrue;
  // As they are stored: this instance's picture of them is a second behind.
  std::vector<StoredItem> changed;
  for (const std::string& id : call.ids) {
    const std::string key = "r" + std::to_string(StationIn(id));
    HOLDFAST_ASSIGN_OR_RETURN(const auto held, parts_.store.FindItem(call.deadline, kTopic, key));
    v1::CatalogueItem item;
    if (!held || !item.ParseFromString(*held)) return NotFound("radio_id {} is unknown", id);
    if (item.radio().down() == down) continue;
    item.mutable_radio()->set_down(down);
    changed.push_back({.key = key, .content = item.SerializeAsString()});
  }
  if (!changed.empty()) {
    HOLDFAST_RETURN_IF_ERROR(parts_.store.PutItems(call.deadline, kTopic, changed));
  }
  absl::MutexLock lock(&mutex_);
  for (const std::string& id : call.ids) told_station_down_[StationIn(id)] = down;
  return kOssTrue;
}

}  // namespace holdfast::middleware
